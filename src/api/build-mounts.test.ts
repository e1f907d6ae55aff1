import { afterEach, beforeEach, expect, test } from 'bun:test';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

test('a cache mount is exported by its name, slashes and all', async () => {
  const { status, body, headers } = await api.request('GET', '/build/mounts/%2Froot%2F.cache/archive');
  expect([status, body, headers.get('content-type')]).toEqual([
    200,
    'tar of /root/.cache',
    'application/x-tar',
  ]);
  const missing = await api.request('GET', '/build/mounts/missing/archive');
  expect([missing.status, JSON.parse(missing.body)]).toEqual([
    404,
    { message: 'no such cache mount: missing' },
  ]);
});

test('a cache mount is imported', async () => {
  const type = 'Content-Type: application/x-tar\r\n';
  const { status, body } = await api.request('PUT', '/build/mounts/npm/archive', 'tar', type);
  expect([status, JSON.parse(body)]).toEqual([200, { ID: 'imported' }]);
  expect(api.engine.calls).toEqual([['importMount', 'npm', 'tar']]);
});
