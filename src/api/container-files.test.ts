import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { container, imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const stat = { name: 'ü', size: 4096, mode: 2 ** 31 + 0o755, mtime: '1970-01-01T00:00:00Z', linkTarget: '' };
const statHeader = 'x-docker-container-path-stat';
const decoded = (header: string | undefined): unknown =>
  JSON.parse(Buffer.from(header ?? '', 'base64').toString());

describe('the archive of a container', () => {
  test('tells by HEAD what is at a path, in standard base64', async () => {
    const { status, headers, body } = await api.request('HEAD', '/containers/web/archive?path=/etc');
    expect([status, body]).toEqual([200, '']);
    expect(decoded(headers.get(statHeader))).toEqual(stat);
  });

  test('is read as a tar with the same header', async () => {
    const { status, headers, body } = await api.request('GET', '/containers/web/archive?path=/etc');
    expect([status, headers.get('content-type'), body]).toEqual([200, 'application/x-tar', '/etc.']);
    expect(decoded(headers.get(statHeader))).toEqual(stat);
  });

  test.each([
    ['GET', '/containers/web/archive', 400, 'bad parameter: path cannot be empty'],
    ['PUT', '/containers/web/archive', 400, 'bad parameter: path cannot be empty'],
    [
      'GET',
      '/containers/web/archive?path=/missing',
      404,
      'Could not find the file /missing in container web',
    ],
    [
      'PUT',
      '/containers/web/archive?path=/missing',
      404,
      'Could not find the file /missing in container web',
    ],
    ['GET', '/containers/none/archive?path=/etc', 404, 'No such container: none'],
  ])('%s %s is %d', async (method, target, status, message) => {
    const answer = await api.request(method, target);
    expect([answer.status, JSON.parse(answer.body).message]).toEqual([status, message]);
  });

  test('says by HEAD only by status that nothing is there', async () => {
    const { status, body } = await api.request('HEAD', '/containers/web/archive?path=/missing');
    expect([status, body]).toEqual([404, '']);
  });

  test('breaks off when reading fails on its way', async () => {
    const client = await api.connect();
    client.send('GET /containers/web/archive?path=/broken HTTP/1.1\r\nHost: d\r\n\r\n');
    expect(await client.all()).toEndWith('/broken\r\n');
  });

  test.each([
    ['path=/tmp', { noOverwriteDirNonDir: false, copyOwners: false }],
    ['path=/tmp&noOverwriteDirNonDir=true&copyUIDGID=1', { noOverwriteDirNonDir: true, copyOwners: true }],
  ])('takes a tar with %s', async (query, options) => {
    const { status, headers, body } = await api.request('PUT', `/containers/web/archive?${query}`, 'tar', '');
    expect([status, headers.get('content-length'), body]).toEqual([200, '0', '']);
    expect(api.engine.calls.at(-1)).toEqual(['writePath', 'web', '/tmp', options]);
    expect(api.engine.uploaded).toBe(3);
  });

  test('takes a tar in chunks once the client is told to go on', async () => {
    const client = await api.connect();
    client.send(
      'PUT /containers/web/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('5\r\nhello\r\n0\r\n\r\n');
    await client.until('HTTP/1.1 200 OK\r\n');
    expect(api.engine.uploaded).toBe(5);
  });

  test('does not ask for a tar that has no place', async () => {
    const client = await api.connect();
    client.send(
      'PUT /containers/web/archive?path=/missing HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const answer = await client.all();
    expect(answer).toStartWith('HTTP/1.1 404');
  });

  test('fails when the client breaks off its tar', async () => {
    const client = await api.connect();
    client.send(
      'PUT /containers/web/archive?path=/tmp HTTP/1.1\r\nHost: d\r\nContent-Length: 10\r\n\r\nhello',
    );
    client.endInput();
    expect(await client.all()).toStartWith('HTTP/1.1 400');
  });
});

test('export answers with the root filesystem as a tar', async () => {
  const { status, headers, body } = await api.request('GET', '/containers/web/export');
  expect([status, headers.get('content-type'), body]).toEqual([200, 'application/octet-stream', 'web.']);
  expect((await api.request('GET', '/containers/none/export')).status).toBe(404);
});

test('changes are told by number, and null when there are none', async () => {
  const { body } = await api.request('GET', '/containers/web/changes');
  expect(body).toBe('[{"Path":"/etc","Kind":0},{"Path":"/etc/new","Kind":1},{"Path":"/old","Kind":2}]\n');
  api.engine.stored.containers = [container({ name: 'same' })];
  expect((await api.request('GET', '/containers/same/changes')).body).toBe('null\n');
});

describe('commit', () => {
  test('passes on what was asked for, and answers with the ID', async () => {
    const query =
      'container=web&repo=mine/a&tag=1&author=me&comment=why&pause=0&changes=CMD%20a&changes=ENV%20b=c';
    const { status, body } = await api.request('POST', `/commit?${query}`, '{"Cmd":["x"]}');
    expect([status, body]).toEqual([201, `{"Id":"${imageId}"}\n`]);
    expect(api.engine.calls).toEqual([
      [
        'commit',
        'web',
        {
          ...{ reference: 'mine/a:1', author: 'me', comment: 'why', pause: false },
          changes: ['CMD a', 'ENV b=c'],
          config: expect.objectContaining({ Cmd: ['x'] }),
        },
      ],
    ]);
  });

  test.each([
    ['without a body', undefined],
    ['with null', 'null'],
    ['with an empty object', '{}'],
  ])("%s keeps the container's configuration, and pauses it", async (_title, sent) => {
    await api.request('POST', '/commit?container=web&repo=mine', sent);
    expect(api.engine.calls[0]?.[2]).toMatchObject({ reference: 'mine', pause: true, config: undefined });
  });

  test('of what is not there is 404', async () => {
    expect((await api.request('POST', '/commit?container=none')).status).toBe(404);
    expect((await api.request('POST', '/commit')).status).toBe(400);
  });
});
