import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { BlobMove, BuildRequest } from '../build/contract.ts';
import { digestOf } from '../oci/digest.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const json = 'Content-Type: application/json\r\n';
const digest = digestOf('blob');

function buildWith(caches: Readonly<Record<string, unknown>>): Promise<{ status: number; body: string }> {
  const query = new URLSearchParams({ progress: 'events' });
  for (const [name, value] of Object.entries(caches)) query.set(name, JSON.stringify(value));
  return api.request('POST', `/build?${query}`, 'tar', 'Content-Type: application/x-tar\r\n');
}

describe('directories of clients', () => {
  test('are noted with their blobs', async () => {
    const blobs = JSON.stringify({ Blobs: [{ Digest: digest, Size: 4 }] });
    const { status, body } = await api.request('POST', '/build/directories', blobs, json);
    expect([status, JSON.parse(body)]).toEqual([201, { ID: 'known' }]);
    expect(api.engine.calls).toEqual([['addDirectory', [[digest, 4]]]]);
    const wrong = JSON.stringify({ Blobs: [{ Digest: '../x', Size: 4 }] });
    expect((await api.request('POST', '/build/directories', wrong, json)).status).toBe(400);
  });

  test('give what is wanted, and take what is offered', async () => {
    const target = `/build/directories/known/blobs?digest=${digest}`;
    const given = await api.request('POST', target, 'bytes', 'Content-Type: application/octet-stream\r\n');
    expect([given.status, api.engine.calls]).toEqual([204, [['giveBlob', digest, 'bytes']]]);
    const taken = await api.request('GET', target);
    expect([taken.status, taken.body]).toEqual([200, 'what is offered']);
    expect((await api.request('GET', target.replace('known', 'other'))).status).toBe(404);
    expect((await api.request('GET', '/build/directories/known/blobs?digest=x')).status).toBe(400);
  });

  test('are told to the build that names them, and forgotten with it', async () => {
    const cacheimports = [{ Type: 'local', Attrs: { digest }, Directory: 'known' }];
    const cacheexports = [{ Type: 'registry', Attrs: { ref: 'a/b', mode: 'max' } }];
    expect((await buildWith({ cacheimports, cacheexports })).status).toBe(200);
    const { calls } = api.engine;
    const request = calls.find(([name]) => name === 'build')?.[1] as BuildRequest;
    expect(request.cacheImports).toMatchObject([{ type: 'local', attributes: { digest } }]);
    expect(request.cacheImports?.[0]?.directory).toBeDefined();
    expect(request.cacheExports).toEqual([
      { type: 'registry', attributes: { ref: 'a/b', mode: 'max' }, directory: undefined },
    ]);
    expect(calls.map(([name]) => name)).toEqual([
      ...['openContext', 'useDirectory', 'build', 'forgetDirectory', 'closeContext'],
    ]);
  });

  test('are moved as the events of the build say', async () => {
    const { builder } = api.engine;
    builder.build = async () => {
      const tell = api.engine.calls.find(([name]) => name === 'useDirectory')?.[2] as (
        move: BlobMove,
      ) => void;
      tell({ kind: 'wanted', directory: 'known', digest, size: 4, mediaType: 'a/b', offset: 2 });
      return { images: [], warnings: [] };
    };
    const { body } = await buildWith({ cacheexports: [{ Type: 'local', Attrs: {}, Directory: 'known' }] });
    expect(JSON.parse(body)).toEqual({
      blob: { Kind: 'wanted', Directory: 'known', Digest: digest, Size: 4, MediaType: 'a/b', Offset: 2 },
    });
  });

  test.each([{}, [1], [{ Type: 'registry', Attrs: { ref: 1 } }], [{ Type: 'local', Directory: 'unknown' }]])(
    'a cache cannot be %j',
    async (cacheimports) => {
      const { body } = await buildWith({ cacheimports });
      expect(JSON.parse(body)).toHaveProperty(['failure', 'message']);
      expect(api.engine.calls.map(([name]) => name)).not.toContain('build');
    },
  );
});
