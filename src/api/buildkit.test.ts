import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const upgrade = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';

async function handOver(target: string, headers = ''): Promise<string> {
  const client = await api.connect();
  client.send(`POST ${target} HTTP/1.1\r\nHost: d\r\n${upgrade}${headers}\r\n`);
  return await client.all();
}

describe('POST /grpc', () => {
  test('hands the connection over with exactly the head that clients expect', async () => {
    expect(await handOver('/grpc')).toBe(
      'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    );
    expect(api.engine.calls).toEqual([['buildkit']]);
  });

  test.each([
    ['', 'no upgrade proto in request'],
    ['Connection: Upgrade\r\nUpgrade: tcp\r\n', 'protocol tcp not supported'],
  ])('refuses other protocols: %j', async (head, message) => {
    const { status, body } = await api.request('POST', '/grpc', '', head);
    expect([status, JSON.parse(body)]).toEqual([400, { message }]);
    expect(api.engine.calls).toEqual([]);
  });
});

describe('POST /session', () => {
  test('hands the connection over with what the client says of it', async () => {
    const facts = [
      'X-Docker-Expose-Session-Uuid: me',
      'X-Docker-Expose-Session-Sharedkey: dir',
      'X-Docker-Expose-Session-Grpc-Method: /a.B/One',
      'X-Docker-Expose-Session-Grpc-Method: /a.B/Two',
    ];
    expect(await handOver('/session', `${facts.join('\r\n')}\r\n`)).toStartWith('HTTP/1.1 101 UPGRADED');
    expect(api.engine.calls).toEqual([
      ['buildkit session', { id: 'me', sharedKey: 'dir', methods: new Set(['/a.b/one', '/a.b/two']) }],
    ]);
  });

  test.each(['', `X-Docker-Expose-Session-Uuid: ${'x'.repeat(5_000)}\r\n`])(
    'refuses a session without an ID of a sensible length',
    async (headers) => {
      expect((await api.request('POST', '/session', '', `${upgrade}${headers}`)).status).toBe(400);
    },
  );
});

describe('POST /build of version 2', () => {
  async function build(query: Readonly<Record<string, string>>): Promise<unknown[]> {
    const target = `/build?${new URLSearchParams({ version: '2', session: 's', remote: 'client-session', ...query })}`;
    const { body } = await api.request('POST', target);
    return body
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line));
  }

  test("builds over the client's session, and tells BuildKit's progress within messages", async () => {
    const messages = await build({ t: 'a', buildid: 'b', buildargs: '{"A":"1","B":null}', nocache: '1' });
    expect(messages).toEqual([
      { id: 'moby.buildkit.trace', aux: Buffer.from('status').toString('base64') },
      { id: 'moby.image.id', aux: { ID: imageId } },
    ]);
    const [[, request] = []] = api.engine.calls;
    expect(request).toMatchObject({
      ...{ id: 'b', session: 's', exports: [{ type: 'moby', attributes: { name: 'a' } }] },
      attributes: { 'build-arg:A': '1', 'no-cache': '', filename: '' },
    });
    expect(Object.keys((request as { attributes: object }).attributes)).not.toContain('build-arg:B');
  });

  test('may take steps from the caches of images', async () => {
    await build({ cachefrom: '["a/b:c"]' });
    expect(api.engine.calls[0]?.[1]).toMatchObject({
      cacheImports: [{ type: 'registry', attributes: { ref: 'a/b:c' } }],
    });
  });

  test('exports what is asked for', async () => {
    await build({ outputs: '[{"Type":"local","Attrs":{"a":"b"}}]' });
    expect(api.engine.calls[0]?.[1]).toMatchObject({ exports: [{ type: 'local', attributes: { a: 'b' } }] });
  });
});
