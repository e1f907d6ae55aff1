import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import {
  BuildkitClient,
  encode,
  type Fields,
  fileSync,
  GrpcError,
  mapOf,
  openSession,
} from '../fixtures/buildkit-client.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** What no client of BuildKit's would say: the daemon answers others on, and keeps nothing of it. */

const CONTROL = '/moby.buildkit.v1.Control';
const BRIDGE = '/moby.buildkit.v1.frontend.LLBBridge';
const CONTENT = '/containerd.services.content.v1.Content';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function failureOf(method: string, request: Fields, build?: string): Promise<GrpcError> {
  using client = await BuildkitClient.connect(daemon.socket);
  const failure = await client
    .call(method, request, build === undefined ? {} : { build })
    .catch((error) => error);
  if (failure instanceof GrpcError) return failure;
  throw new Error(`${method} did not fail: ${failure}`);
}

/** A build from nothing, to see that the daemon is of good cheer. */
async function builds(): Promise<void> {
  using client = await BuildkitClient.connect(daemon.socket);
  const id = randomBytes(8).toString('hex');
  const file = { path: 'Dockerfile', content: 'FROM busybox\nRUN echo works\n', modified: 1n };
  using _ = await openSession(daemon.socket, id, fileSync({ dockerfile: [file] }, []));
  const frontend = {
    6: 'dockerfile.v0',
    7: mapOf({ filename: 'Dockerfile', 'image-resolve-mode': 'local' }),
  };
  await client.call(`${CONTROL}/Solve`, { 1: id, 5: id, ...frontend, 13: [{ 1: 'moby' }] });
}

describe('a connection', () => {
  test.each([
    ['noise', randomBytes(100_000)],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: d\r\n\r\n')],
    [
      'frames without end',
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.alloc(1 << 20, 0xff)]),
    ],
  ])('with %s is closed, and others go on', async (_, bytes) => {
    for (const path of ['/grpc', '/session']) {
      const socket = connect(daemon.socket);
      const head = ['Host: d', 'Connection: Upgrade', 'Upgrade: h2c', 'X-Docker-Expose-Session-Uuid: noise'];
      socket.write([`POST ${path} HTTP/1.1`, ...head, '', ''].join('\r\n'));
      await once(socket, 'data');
      socket.on('error', () => {});
      socket.resume();
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(bytes);
      socket.end();
      await closed;
    }
    await builds();
  });

  test('that breaks off in the middle of each call leaves none of it', async () => {
    const before = openFiles();
    for (let round = 0; round < 20; round++) {
      using client = await BuildkitClient.connect(daemon.socket);
      for (const method of ['Solve', 'Status', 'ListenBuildHistory', 'Prune', 'Session']) {
        void client.call(`${CONTROL}/${method}`, { 1: `broken-${round}`, 5: 'none' }).catch(() => {});
      }
      await Bun.sleep(5);
    }
    while (openFiles() > before + 2) await Bun.sleep(50);
    await builds();
  });
});

/** Of the daemon. */
function openFiles(): number {
  return readdirSync(`/proc/${daemon.pid}/fd`).length;
}

describe('a message', () => {
  const methods = [
    ...['Solve', 'Status', 'DiskUsage', 'Prune', 'ListenBuildHistory', 'UpdateBuildHistory'].map(
      (name) => `${CONTROL}/${name}`,
    ),
    ...['Ping', 'Solve', 'Return', 'ReadFile', 'StatFile', 'Evaluate'].map((name) => `${BRIDGE}/${name}`),
    ...['Info', 'Read', 'Write', 'Delete'].map((name) => `${CONTENT}/${name}`),
  ];

  test('of random bytes gets an answer or a status, whatever it is for', async () => {
    using client = await BuildkitClient.connect(daemon.socket);
    const statuses = new Set<number>();
    for (let round = 0; round < 25; round++) {
      const calls = methods.map(async (method) => {
        const bytes = randomBytes(1 + (round % 25));
        try {
          // A call for a build that is not there waits for it.
          const given = AbortSignal.timeout(200);
          for await (const _ of client.stream(method, bytes, { signal: given }));
        } catch (error) {
          statuses.add(error instanceof GrpcError ? error.status : -1);
        }
      });
      await Promise.all(calls);
    }
    expect(statuses).not.toContain(-1);
    await builds();
  }, 60_000);

  test('that names what is not the client’s is refused', async () => {
    expect((await failureOf(`${CONTENT}/Read`, { 1: 'sha256:../../etc/passwd' })).status).toBe(3);
    expect((await failureOf(`${CONTENT}/Info`, { 1: `sha256:${'0'.repeat(64)}` })).status).toBe(5);
    expect((await failureOf(`${CONTENT}/Delete`, { 1: `sha256:${'0'.repeat(64)}` })).status).toBe(12);
    expect((await failureOf(`${CONTROL}/UpdateBuildHistory`, { 1: "x' OR '1'='1", 3: 1 })).status).toBe(5);
    expect((await failureOf(`${BRIDGE}/ReadFile`, { 1: 'r', 2: '/etc/passwd' })).status).toBe(3);
  });

  test('with a name that is taken, empty or endless begins no build', async () => {
    using client = await BuildkitClient.connect(daemon.socket);
    using _ = await openSession(daemon.socket, 'holder', {});
    const given = new AbortController();
    const first = client.call(`${CONTROL}/Solve`, { 1: 'taken', 5: 'holder' }, { signal: given.signal });
    first.catch(() => {});
    await client.call(`${BRIDGE}/Ping`, {}, { build: 'taken' });
    expect((await failureOf(`${CONTROL}/Solve`, { 1: 'taken', 5: 'holder' })).message).toContain('exists');
    for (const name of ['', 'x'.repeat(1_000)]) {
      expect((await failureOf(`${CONTROL}/Solve`, { 1: name, 5: 'holder' })).status).toBe(3);
    }
    given.abort();
    await first.catch(() => {});
  });

  test('with outputs, attributes or inputs beyond measure is refused or cut', async () => {
    const outputs = Array.from({ length: 1_000 }, () => ({ 1: 'moby' }));
    expect((await failureOf(`${CONTROL}/Solve`, { 1: 'outputs', 13: outputs })).message).toContain('outputs');
    const large = mapOf(
      Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`label:${n}`, 'x'.repeat(1_000)])),
    );
    const request = { 1: 'attributes', 5: 'nobody', 6: 'other', 7: large };
    expect((await failureOf(`${CONTROL}/Solve`, request)).message).toContain('is not supported');
    using client = await BuildkitClient.connect(daemon.socket);
    const listen = client.stream(`${CONTROL}/ListenBuildHistory`, encode({ 2: 'attributes', 3: 1 }));
    const [event] = await Array.fromAsync(listen);
    const record = event?.all(2)[0];
    expect(record?.all(3).length).toBeLessThan(1_100);
    const definition = { 1: [randomBytes(10)] };
    const foreign = { 2: 'dockerfile.v0', 13: [{ 1: 'context', 2: definition }] };
    using _ = await openSession(daemon.socket, 'inputs', {});
    const solving = client.call(`${CONTROL}/Solve`, { 1: 'inputs', 5: 'inputs' });
    solving.catch(() => {});
    expect((await failureOf(`${BRIDGE}/Solve`, foreign, 'inputs')).status).not.toBe(0);
  }, 60_000);
});
