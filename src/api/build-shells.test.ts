import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const body = JSON.stringify({
  Cmd: ['bash', '-i'],
  Env: ['A=b'],
  User: 'u',
  WorkingDir: '/w',
  ConsoleSize: [33, 99],
});
const head = (more = ''): string =>
  `POST /build/shells/kept/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`;

describe('POST /build/shells/{id}/start', () => {
  test('hands the connection over when the command runs, and carries what is typed and written', async () => {
    const client = await api.connect();
    client.send(head('Connection: Upgrade\r\nUpgrade: tcp\r\n'));
    expect(await client.until('\r\n\r\n')).toStartWith(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n',
    );
    client.send('typed\r');
    expect(await client.all()).toEndWith('\r\n\r\nruns\r\ntyped\r');
    const [, ...asked] = api.engine.calls.find(([name]) => name === 'runShell') ?? [];
    expect(asked).toEqual(['kept', ['bash', '-i'], ['A=b'], 'u', '/w', 33, 99]);
  });

  test('needs no upgrade', async () => {
    const client = await api.connect();
    client.send(head());
    expect(await client.until('\r\n\r\n')).toStartWith('HTTP/1.1 200 OK\r\n');
    client.send('x');
    expect(await client.all()).toEndWith('runs\r\nx');
  });

  test('answers as usual where nothing runs', async () => {
    const { status, body: said } = await api.request('POST', '/build/shells/other/start', '{}');
    expect([status, said]).toEqual([404, '{"message":"no such shell: other"}\n']);
  });
});

test('POST /build/shells/{id}/resize changes the size of its terminal', async () => {
  expect((await api.request('POST', '/build/shells/kept/resize?h=3&w=4')).status).toBe(200);
  expect(api.engine.calls).toContainEqual(['resizeShell', 'kept', 3, 4]);
  expect((await api.request('POST', '/build/shells/kept/resize?h=3')).status).toBe(400);
});
