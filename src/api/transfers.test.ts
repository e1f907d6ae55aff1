import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

const layer = imageId.slice(7, 19);
const messagesOf = (body: string) =>
  body
    .trim()
    .split('\r\n')
    .map((line) => JSON.parse(line));

describe('push', () => {
  test("tells its steps in Docker's words", async () => {
    const { status, headers, body } = await api.request('POST', '/images/host:5000/a/b/push?tag=1');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(messagesOf(body)).toEqual([
      { status: 'The push refers to repository [host:5000/a/b]' },
      { status: 'Preparing', progressDetail: {}, id: layer },
      { status: 'Retrying in 1 second', progressDetail: {}, id: layer },
      {
        status: 'Pushing',
        progressDetail: { current: 2, total: 4 },
        progress: expect.stringContaining('2B/4B'),
        id: layer,
      },
      { status: 'Mounted from other/place', progressDetail: {}, id: layer },
      { status: `1: digest: ${imageId} size: 527` },
      { progressDetail: {}, aux: { Tag: '1', Digest: imageId, Size: 527 } },
    ]);
  });

  test.each([
    ['host:5000/a/push?tag=2', 'host:5000/a:2'],
    ['host:5000/a:1/push?tag=2', 'host:5000/a:2'],
    ['host:5000/a:1/push', 'host:5000/a:1'],
    ['mine/a/push', 'docker.io/mine/a'],
  ])('of %s pushes %s', async (target, reference) => {
    await api.request('POST', `/images/${target}`);
    expect(api.engine.calls).toEqual([['push', reference, expect.anything()]]);
  });

  test('shows the credentials of the header', async () => {
    const auth = Buffer.from('{"username":"u","password":"p"}').toString('base64url');
    const client = await api.connect();
    client.send(`POST /images/a/push HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: ${auth}\r\n\r\n`);
    await client.until('\r\n0\r\n\r\n');
    expect(api.engine.calls[0]?.[2]).toMatchObject({ credentials: { username: 'u', password: 'p' } });
  });

  test('of what is not there fails in the stream', async () => {
    const { status, body } = await api.request('POST', '/images/missing/push?tag=1');
    const error = 'An image does not exist locally with the tag: missing';
    expect([status, messagesOf(body)]).toEqual([
      200,
      [
        { status: 'The push refers to repository [docker.io/library/missing]' },
        { errorDetail: { message: error }, error },
      ],
    ]);
  });

  test.each([
    ['X/push', 400, 'invalid reference format: repository name (library/X) must be lowercase'],
    [
      'busybox/push?tag=latest&platform={"os":"linux","architecture":"s390x"}',
      404,
      'image with reference docker.io/library/busybox:latest was found but does not provide the specified platform (linux/s390x)',
    ],
    ['busybox/push?platform=linux', 400, 'failed to parse platform: "linux" is not JSON'],
  ])('of %s fails by status', async (target, status, message) => {
    const answer = await api.request('POST', `/images/${target.replaceAll('"', '%22')}`);
    expect([answer.status, JSON.parse(answer.body).message]).toEqual([status, message]);
  });
});

describe('save', () => {
  test('answers with a tar of one image or of several', async () => {
    const one = await api.request('GET', '/images/host:5000/a:1/get');
    expect([one.status, one.headers.get('content-type'), one.body]).toEqual([
      200,
      'application/x-tar',
      'host:5000/a:1.',
    ]);
    const several = await api.request('GET', '/images/get?names=a&names=b');
    expect(several.body).toBe('a,b.');
  });

  test('is for the platform that is asked for', async () => {
    await api.request(
      'GET',
      '/images/a/get?platform=%7B%22os%22:%22linux%22,%22architecture%22:%22arm%22%7D',
    );
    expect(api.engine.calls[0]).toEqual([
      'save',
      ['a'],
      { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    ]);
  });

  test('of what is not there is 404', async () => {
    const { status, body } = await api.request('GET', '/images/get?names=a&names=missing');
    expect([status, body]).toEqual([404, '{"message":"No such image: a,missing"}\n']);
  });

  test('that fails on its way breaks off', async () => {
    const client = await api.connect();
    client.send('GET /images/broken/get HTTP/1.1\r\nHost: d\r\n\r\n');
    const answer = await client.all();
    expect(answer).toContain('HTTP/1.1 200 OK');
    expect(answer).toEndWith('broken\r\n');
    expect(api.log).toContainEqual(expect.objectContaining({ message: 'the disk broke' }));
  });

  test('ends when the client leaves', async () => {
    const client = await api.connect();
    client.send('GET /images/endless/get HTTP/1.1\r\nHost: d\r\n\r\n');
    await client.until('\r\n\r\n');
    client.destroy();
    while (api.engine.calls.at(-1)?.[0] !== 'save ended') await Bun.sleep(1);
  });

  test('waits for a client that does not read', async () => {
    const produced: number[] = [];
    api.engine.images.save = async function* () {
      for (let part = 0; part < 10_000; part++) {
        produced.push(part);
        yield Buffer.alloc(64 * 1024);
      }
    };
    const client = await api.connect();
    client.pause();
    client.send('GET /images/a/get HTTP/1.1\r\nHost: d\r\n\r\n');
    let before = -1;
    while (before !== produced.length || before === 0) {
      before = produced.length;
      await Bun.sleep(20);
    }
    expect(before).toBeLessThan(1000);
    client.destroy();
  });
});

describe('load', () => {
  test('takes the one platform that is asked for', async () => {
    const platforms: unknown[] = [];
    api.engine.images.load = async (_context, _archive, { platform }) => {
      platforms.push(platform);
      return [];
    };
    const platform = 'platform=%7B%22os%22:%22linux%22,%22architecture%22:%22amd64%22%7D';
    await api.request('POST', `/images/load?${platform}`, 'x', '');
    expect(platforms).toEqual([{ os: 'linux', architecture: 'amd64' }]);
    const { body } = await api.request('POST', `/images/load?${platform}&${platform}`, 'x', '');
    expect(body).toContain('only one platform may be given');
  });
});
