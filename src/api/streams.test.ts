import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { EngineEvent } from '../base/events.ts';
import { frame } from './testing/fake-attachment.ts';
import { parseAnswer } from './testing/raw-client.ts';
import { container, containerId, imageId } from './testing/samples.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let api: TestServer;

beforeEach(async () => {
  api = await startTestServer();
});

afterEach(() => api[Symbol.asyncDispose]());

describe('wait', () => {
  test('answers with its head at once, and with the exit code when it comes', async () => {
    const client = await api.connect();
    client.send('POST /v1.44/containers/web/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n');
    const head = await client.until('\r\n\r\n');
    expect(head).toStartWith('HTTP/1.1 200 OK\r\n');
    expect(api.engine.calls).toEqual([['wait', containerId, 'next-exit']]);
    api.engine.exit(7);
    expect(parseAnswer(await client.until('0\r\n\r\n')).body).toBe('{"StatusCode":7}\n');
  });

  test('refuses an unknown condition', async () => {
    const { status, body } = await api.request('POST', '/containers/web/wait?condition=never');
    expect([status, body]).toEqual([400, '{"message":"invalid condition: \\"never\\""}\n']);
  });
});

describe('events', () => {
  const event: EngineEvent = {
    type: 'container',
    action: 'start',
    id: 'a1',
    attributes: { image: 'busybox', name: 'web', tier: 'front' },
    time: new Date(1_700_000_000_123),
    timeNano: 1_700_000_000_123_456_789n,
  };

  test('come with all nanoseconds and the fields of old clients', async () => {
    api.engine.stored.events = [event];
    const { body } = await api.request('GET', '/v1.44/events?until=1');
    expect(body).toBe(
      '{"status":"start","id":"a1","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"a1","Attributes":{"image":"busybox","name":"web","tier":"front"}},"scope":"local","time":1700000000,"timeNano":1700000000123456789}\n',
    );
  });

  test('begin with a head before there is one, and end when the client leaves', async () => {
    const client = await api.connect();
    client.send('GET /events HTTP/1.1\r\nHost: d\r\n\r\n');
    expect(await client.until('\r\n\r\n')).toContain('Content-Type: application/json\r\n');
    client.endInput();
    await client.all();
  });

  test.each([
    ['{"type":{"container":true}}', 1],
    ['{"type":["image"]}', 0],
    ['{"event":["start"],"container":["we"]}', 1],
    ['{"container":["other"]}', 0],
    ['{"image":["busybox"]}', 1],
    ['{"label":["tier=front"]}', 1],
    ['{"label":["tier=back"]}', 0],
    ['{"network":["web"]}', 0],
  ])('filtered by %s are %i', async (filters, count) => {
    api.engine.stored.events = [event];
    const { body } = await api.request('GET', `/events?until=1&filters=${encodeURIComponent(filters)}`);
    expect(body.split('\n').length - 1).toBe(count);
  });

  test('cannot end before they begin', async () => {
    expect((await api.request('GET', '/events?since=5&until=4')).status).toBe(400);
  });
});

test('a stream whose client has left before it began is ended', async () => {
  const client = await api.connect();
  client.send('GET /events HTTP/1.1\r\nHost: d\r\n\r\n');
  client.endInput();
  await client.all();
});

test('an import from a URL ends when its client leaves', async () => {
  const client = await api.connect();
  client.send('POST /images/create?fromSrc=http://127.0.0.1:1 HTTP/1.1\r\nHost: d\r\n\r\n');
  client.endInput();
  await client.all();
});

describe('logs', () => {
  test('come as they are, with the head at once', async () => {
    api.engine.stored.log = [frame('one\n'), frame('two\n', 2)];
    const client = await api.connect();
    client.send(
      'GET /v1.44/containers/web/logs?stdout=1&follow=1&tail=5&since=1.5 HTTP/1.1\r\nHost: d\r\n\r\n',
    );
    expect(await client.until('two\n')).toContain('application/vnd.docker.multiplexed-stream');
    expect(api.engine.calls.at(-1)?.[2]).toMatchObject({
      follow: true,
      tail: 5,
      since: 1_500_000_000n,
      until: undefined,
    });
    client.destroy();
  });

  test('ends with an error that came on the way by breaking off', async () => {
    api.engine.containers.logs = async () => failing();
    const client = await api.connect();
    client.send('GET /containers/web/logs?stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n');
    expect(await client.all()).not.toContain('0\r\n\r\n');
    expect(api.log.at(-1)).toMatchObject({ level: 'warn', message: 'the log is damaged' });
  });

  async function* failing(): AsyncGenerator<Uint8Array> {
    yield frame('one\n');
    throw new Error('the log is damaged');
  }
});

describe('stats', () => {
  const sample = (total: number) => ({
    time: new Date(1_700_000_000_000 + total),
    container: container(),
    cgroup: {
      version: 1 as const,
      pids: { current: 1, limit: undefined },
      cpu: { total, perCpu: [total], kernel: 0, user: 0, periods: 0, throttledPeriods: 0, throttledTime: 0 },
      memory: { usage: 5, maxUsage: 6, limit: 7, failCount: 0, stats: {} },
      blkio: {},
      networks: undefined,
    },
    systemCpu: 100,
    onlineCpus: 2,
  });

  test('once are two samples, of which the first is the one before', async () => {
    api.engine.statsSamples = [sample(10), sample(30)];
    const { body } = await api.request('GET', '/containers/web/stats?stream=0');
    const stats = JSON.parse(body);
    expect(stats.cpu_stats.cpu_usage.total_usage).toBe(30);
    expect(stats.precpu_stats.cpu_usage.total_usage).toBe(10);
    expect(stats.memory_stats).toEqual({ usage: 5, max_usage: 6, stats: {}, failcnt: 0, limit: 7 });
  });

  test('in one shot are one sample', async () => {
    api.engine.statsSamples = [sample(10)];
    const { body } = await api.request('GET', '/containers/web/stats?stream=0&one-shot=1');
    expect(JSON.parse(body).precpu_stats.cpu_usage.total_usage).toBe(0);
  });

  test('in a stream go on until the container is removed', async () => {
    api.engine.statsSamples = [sample(10), sample(20), sample(30)];
    const { body } = await api.request('GET', '/containers/web/stats');
    const totals = body
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).cpu_stats.cpu_usage.total_usage);
    expect(totals).toEqual([10, 20, 30]);
  });

  test('of a container that does not run are zeros', async () => {
    api.engine.statsSamples = [{ ...sample(0), cgroup: undefined }];
    const { body } = await api.request('GET', '/containers/web/stats?stream=0');
    expect(JSON.parse(body)).toMatchObject({
      read: '0001-01-01T00:00:00Z',
      memory_stats: {},
      pids_stats: {},
    });
  });
});

describe('image transfers', () => {
  const tar = 'Content-Type: application/x-tar\r\n';

  test('load tells what it loaded', async () => {
    const { status, body } = await api.request('POST', '/images/load', 'x'.repeat(3000), tar);
    expect([status, body]).toEqual([200, '{"stream":"Loaded image: busybox:latest\\n"}\r\n']);
    expect(api.engine.uploaded).toBe(3000);
  });

  test('a load that fails tells so in the stream', async () => {
    const { status, body } = await api.request('POST', '/images/load', '', tar);
    expect([status, body]).toEqual([
      200,
      '{"errorDetail":{"message":"invalid tar header"},"error":"invalid tar header"}\r\n',
    ]);
  });

  test('import of the body answers with the ID', async () => {
    const target = '/images/create?fromSrc=-&repo=mine&tag=1&changes=CMD%20a&changes=ENV%20b=c';
    const { body } = await api.request('POST', target, 'tar', tar);
    expect(body).toBe(`{"status":"${imageId}"}\r\n`);
    expect(api.engine.calls.at(-1)?.[1]).toMatchObject({
      reference: 'mine:1',
      changes: ['CMD a', 'ENV b=c'],
      source: '-',
    });
  });

  test('import of a URL fetches it', async () => {
    await using source = Bun.serve({ port: 0, fetch: () => new Response('tarball') });
    const target = `/images/create?fromSrc=${encodeURIComponent(source.url.href)}&repo=mine`;
    const { body } = await api.request('POST', target);
    expect(body).toContain('"status":"Downloading from http://');
    expect(body).toEndWith(`{"status":"${imageId}"}\r\n`);
    expect(api.engine.uploaded).toBe(7);
  });

  test('import from another scheme is refused', async () => {
    expect((await api.request('POST', '/images/create?fromSrc=file:///etc/passwd')).status).toBe(400);
  });

  test("pull tells its steps in Docker's words", async () => {
    const { status, body } = await api.request(
      'POST',
      '/images/create?fromImage=docker.io/library/a&tag=b&platform=linux/s390x',
    );
    expect(status).toBe(200);
    const messages = body
      .trim()
      .split('\r\n')
      .map((line) => JSON.parse(line));
    expect(messages.map((message) => [message.id, message.status])).toEqual([
      ['b', 'Pulling from library/a'],
      [imageId.slice(7, 19), 'Pulling fs layer'],
      [imageId.slice(7, 19), 'Retrying in 1 second'],
      [imageId.slice(7, 19), 'Downloading'],
      [imageId.slice(7, 19), 'Pull complete'],
      [undefined, expect.stringContaining('does not match the specified platform: wanted linux/s390x')],
      [undefined, `Digest: ${imageId}`],
      [undefined, 'Status: Downloaded newer image for a:b'],
    ]);
  });

  test('pull without a tag takes every tag', async () => {
    const { body } = await api.request('POST', '/images/create?fromImage=known');
    expect(body).toContain('"id":"2"');
    expect(body).toContain('Status: Image is up to date for known"');
  });

  test('pull of what is not there is 404', async () => {
    const { status, body } = await api.request('POST', '/images/create?fromImage=missing&tag=b');
    expect(status).toBe(404);
    expect(JSON.parse(body).message).toStartWith('manifest for docker.io/library/missing:b not found');
  });

  test('pull that fails on its way says so in the stream', async () => {
    const { status, body } = await api.request('POST', '/images/create?fromImage=broken&tag=b');
    expect(status).toBe(200);
    expect(body).toEndWith(
      '{"errorDetail":{"message":"the connection broke"},"error":"the connection broke"}\r\n',
    );
  });
});
