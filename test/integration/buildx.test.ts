import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTar } from '../../src/oci/tar/archive.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import {
  BuildkitClient,
  Decoded,
  encode,
  type Fields,
  fileSync,
  GrpcError,
  mapOf,
  type OfferedFile,
  openSession,
  type SessionMethod,
} from '../fixtures/buildkit-client.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Builds as `docker buildx build` 0.29 asks for them: the front end runs with the client, files come over its session. */

const CONTROL = '/moby.buildkit.v1.Control';
const BRIDGE = '/moby.buildkit.v1.frontend.LLBBridge';

let daemon: TestDaemon;
let client: BuildkitClient;
let stack: DisposableStack;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());
beforeEach(async () => {
  stack = new DisposableStack();
  client = stack.use(await BuildkitClient.connect(daemon.socket));
});
afterEach(() => stack.dispose());

const MODIFIED = 1_700_000_000_123_456_789n;

function file(path: string, content: string, modified = MODIFIED): OfferedFile {
  return { path, content, modified };
}

interface Build {
  readonly dockerfile: string;
  readonly files?: readonly OfferedFile[];
  readonly attributes?: Readonly<Record<string, string>>;
  readonly exporters?: Fields[];
  readonly methods?: Readonly<Record<string, SessionMethod>>;
  readonly session?: string;
  readonly signal?: AbortSignal;
}

interface Built {
  readonly response: Record<string, string>;
  readonly status: readonly Decoded[];
  /** Paths of files that were sent. */
  readonly asked: readonly string[];
  readonly metadata: Record<string, string>;
}

/** What a status update has at a field, of all updates. */
function told(status: readonly Decoded[], field: number): Decoded[] {
  return status.flatMap((update) => update.all(field));
}

async function build(asked: Build): Promise<Built> {
  const { dockerfile, files = [], attributes = {}, exporters = [moby('')], methods = {}, signal } = asked;
  const sent: string[] = [];
  const session = asked.session ?? randomBytes(8).toString('hex');
  const directories = { context: files, dockerfile: [file('Dockerfile', dockerfile)] };
  using _session = await openSession(daemon.socket, session, { ...fileSync(directories, sent), ...methods });
  const ref = randomBytes(8).toString('hex');
  const status: Decoded[] = [];
  const following = (async () => {
    for await (const update of client.stream(`${CONTROL}/Status`, encode({ 1: ref }))) status.push(update);
  })();
  const solving = client.call(
    `${CONTROL}/Solve`,
    { 1: ref, 5: session, 13: exporters },
    signal && { signal },
  );
  const driving = drive(ref, attributes);
  const [solved] = await Promise.allSettled([solving, driving, following]);
  if (solved.status === 'rejected') throw solved.reason;
  return { response: solved.value.map(1), status, asked: sent, metadata: await driving };
}

/** What buildx does beside the call that waits for the end. */
async function drive(
  build: string,
  attributes: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  await client.call(`${BRIDGE}/Ping`, {}, { build });
  const options = { filename: 'Dockerfile', 'image-resolve-mode': 'local', ...attributes };
  try {
    const request = { 2: 'dockerfile.v0', 3: mapOf(options), 5: 1, 6: 1 };
    const [result] = (await client.call(`${BRIDGE}/Solve`, request, { build })).all(3);
    const [ref] = result?.all(3) ?? [];
    await client.call(`${BRIDGE}/Return`, { 1: { 3: { 1: ref?.text(1) ?? '' } } }, { build });
    return result?.map(10) ?? {};
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    const { status, message, details } = error;
    const any = details.all(3).map((one) => ({ 1: one.text(1), 2: one.bytes(2) }));
    await client
      .call(`${BRIDGE}/Return`, { 2: { 1: status, 2: message, 3: any } }, { build })
      .catch(() => {});
    return {};
  }
}

function moby(name: string): Fields {
  return { 1: 'moby', 2: mapOf({ name }) };
}

async function failureOf(asked: Build): Promise<GrpcError> {
  const failure = await build(asked).catch((error: unknown) => error);
  if (failure instanceof GrpcError) return failure;
  throw new Error(`the build did not fail: ${failure}`);
}

describe('a build', () => {
  test("makes an image of the client's files and names it", async () => {
    const dockerfile =
      'FROM busybox\nARG A\nCOPY . /c/\nRUN cat /c/a/b /c/empty; echo "[$A]"\nCMD ["/bin/true"]\n';
    const files = [file('a/b', 'inner'), file('empty', '')];
    const attributes = { 'build-arg:A': 'arg', 'label:l': 'm' };
    const { response, status } = await build({
      dockerfile,
      files,
      attributes,
      exporters: [moby('one,two:2')],
    });
    const id = response['containerimage.config.digest'];
    const { stdout } = daemon.run('docker', ['image', 'inspect', 'one', 'two:2']);
    const images = JSON.parse(stdout);
    expect(images.map((image: { Id: string }) => image.Id)).toEqual([id, id]);
    expect(images[0].Config).toMatchObject({ Labels: { l: 'm' }, Cmd: ['/bin/true'] });
    const output = told(status, 3).map((log) => log.text(4));
    expect(output.join('')).toBe('inner[arg]\n');
  });

  test('tells of its steps, which of them were found in the cache, and asks only for files that changed', async () => {
    const dockerfile = 'FROM busybox\nRUN echo cached\nCOPY . /c/\n';
    const files = [file('same', 'same'), file('other', 'first')];
    const session = 'incremental';
    const first = await build({ dockerfile, files, session });
    expect(first.asked.toSorted()).toEqual(['Dockerfile', 'other', 'same']);
    const changed = [file('same', 'same'), file('other', 'later', MODIFIED + 1n)];
    const second = await build({ dockerfile, files: changed, session });
    expect(second.asked.toSorted()).toEqual(['Dockerfile', 'other']);
    const done = told(second.status, 1).filter((vertex) => vertex.has(6));
    const steps = done.map((vertex) => [vertex.text(3), vertex.number(4)] as const);
    expect(steps).toContainEqual(['[2/3] RUN echo cached', 1]);
    expect(steps).toContainEqual(['[3/3] COPY . /c/', 0]);
    expect(steps).toContainEqual(['exporting to image', 0]);
    expect(done.every((vertex) => vertex.has(5))).toBe(true);
  });

  test('that fails says where in the Dockerfile', async () => {
    const failure = await failureOf({ dockerfile: 'FROM busybox\nRUN exit 7\n' });
    expect(failure.message).toBe('process "/bin/sh -c exit 7" did not complete successfully: exit code: 7');
    const details = failure.details.all(3).map((any) => [any.text(1), JSON.parse(any.text(2))]);
    expect(Object.fromEntries(details)).toMatchObject({
      'github.com/moby/buildkit/errdefs.Source+json': { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
      'github.com/moby/buildkit/errdefs.Vertex+json': { digest: expect.stringMatching(/^sha256:/) },
    });
  });

  test("leaves out what .dockerignore names by the client's own means", async () => {
    const excluded: unknown[] = [];
    const files = [file('.dockerignore', '# not\n/x/\n!x/y\n\n')];
    const offered = fileSync(
      { context: files, dockerfile: [file('Dockerfile', 'FROM busybox\nCOPY . /c\n')] },
      [],
    );
    const path = '/moby.filesync.v1.FileSync/DiffCopy';
    const methods: Record<string, SessionMethod> = {
      async [path](call) {
        excluded.push(call.headers['exclude-patterns']);
        return await offered[path]?.(call);
      },
    };
    await build({ dockerfile: '', methods });
    expect(excluded).toEqual([undefined, undefined, 'x, !x/y']);
  });

  test('has secrets of the session in its steps, and nowhere else', async () => {
    const methods: Record<string, SessionMethod> = {
      async '/moby.buildkit.secrets.v1.Secrets/GetSecret'({ requests, send }) {
        for await (const request of requests) {
          if (!request.includes('known')) return 5;
          send({ 1: 'hidden value' });
        }
        return 0;
      },
    };
    const dockerfile = 'FROM busybox\nRUN --mount=type=secret,id=known wc -c < /run/secrets/known\n';
    const { status } = await build({ dockerfile, methods });
    expect(told(status, 3).map((log) => log.text(4).trim())).toEqual(['12']);
    const failure = await failureOf({
      dockerfile: 'FROM busybox\nRUN --mount=type=secret,id=none,required=true true\n',
      methods,
    });
    expect(failure.message).toContain('none');
  });

  test("reaches the session's agent from its steps", async () => {
    const asked: string[] = [];
    const methods: Record<string, SessionMethod> = {
      async '/moby.sshforward.v1.SSH/CheckAgent'({ requests, send }) {
        for await (const request of requests) asked.push(decode(request).text(1));
        send({});
        return 0;
      },
      async '/moby.sshforward.v1.SSH/ForwardAgent'({ headers, requests, send }) {
        asked.push(String(headers['buildkit.ssh.id']));
        for await (const request of requests) {
          send({ 1: `answer to ${dataOf(request)}` });
          break;
        }
        return 0;
      },
    };
    importProgram('agent-talker');
    const dockerfile =
      'FROM agent-talker\nRUN --mount=type=ssh,id=key ["/talker", "/run/buildkit/ssh_agent.0", "question"]\n';
    const { status } = await build({ dockerfile, methods });
    expect(told(status, 3).map((log) => log.text(4).trim())).toEqual(['answer to question']);
    expect(asked).toEqual(['key', 'key']);
  });

  test('pulls base images as whom the session says', async () => {
    await using registry = await DockerRegistry.start({ ann: 'secret' });
    const name = `${registry.host}/private/base:1`;
    pushPrivately(registry.host, name);
    const methods: Record<string, SessionMethod> = {
      async '/moby.filesync.v1.Auth/Credentials'({ requests, send }) {
        for await (const request of requests) {
          if (decode(request).text(1) === registry.host) send({ 1: 'ann', 2: 'secret' });
          else send({});
        }
        return 0;
      },
    };
    const dockerfile = `FROM ${name}\nCOPY a /a\n`;
    await build({ dockerfile, files: [file('a', 'a')], methods });
    const failure = await failureOf({ dockerfile, attributes: { 'image-resolve-mode': 'pull' } });
    expect(failure.message).toContain('no basic auth credentials');
  });

  test('goes on to a front end that asks what the linter says', async () => {
    const attributes = { requestid: 'frontend.lint' };
    const { metadata } = await build({ dockerfile: 'FROM busybox\nCMD true\n', attributes });
    expect(JSON.parse(metadata['result.json'] ?? '')).toMatchObject({
      warnings: [{ ruleName: 'JSONArgsRecommended', location: { ranges: [{ start: { line: 2 } }] } }],
    });
    expect(metadata['result.statuscode']).toBe('1');
  });

  test('that is given up ends its steps', async () => {
    const given = new AbortController();
    const marker = `${3_000_000 + (process.pid % 100_000)}`;
    const building = failureOf({ dockerfile: `FROM busybox\nRUN sleep ${marker}\n`, signal: given.signal });
    while (!runs(marker)) await Bun.sleep(5);
    given.abort();
    await building;
    while (runs(marker)) await Bun.sleep(5);
  });
});

/** An image with nothing but a program that talks to a Unix socket. */
function importProgram(name: string): void {
  const data = readFileSync(buildStaticProgram('unix-client'));
  const header = formatTarHeader({ type: 'file', name: 'talker', mode: 0o755, size: data.length });
  const tar = Buffer.concat([header, data, tarPadding(data.length), tarEnd]);
  const { status, stderr } = daemon.run('docker', ['import', '-', name], tar);
  if (status !== 0) throw new Error(stderr);
}

/** An image that only ann may have, and that is not here. */
function pushPrivately(host: string, name: string): void {
  const home = mkdtempSync(join(tmpdir(), 'sampan-user-'));
  const login = ['login', '-u', 'ann', '--password-stdin', host];
  for (const args of [login, ['tag', 'busybox', name], ['push', name], ['rmi', name], ['logout', host]]) {
    const { status, stderr } = daemon.run('docker', ['--config', home, ...args], 'secret\n');
    if (status !== 0) throw new Error(stderr);
  }
  rmSync(home, { recursive: true });
}

function runs(word: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${word}\0`;
    } catch {
      return false;
    }
  });
}

describe('an output', () => {
  const dockerfile = 'FROM scratch\nCOPY . /\n';
  const files = [file('a/b', 'inner'), file('top', 'x'.repeat(3_000_000))];

  test('as a tar goes back to the client, and no image stays', async () => {
    const before = daemon.run('docker', ['images', '-qa']).stdout;
    const parts: Buffer[] = [];
    const methods: Record<string, SessionMethod> = {
      async '/moby.filesync.v1.FileSend/DiffCopy'({ headers, requests }) {
        expect(headers['buildkit-attachable-exporter-id']).toBe('0');
        for await (const message of requests) parts.push(dataOf(message));
        return 0;
      },
    };
    await build({ dockerfile, files, methods, exporters: [{ 1: 'tar' }] });
    const found: Record<string, number> = {};
    for await (const { entry, body } of readTar(chunks(parts))) {
      found[entry.name] = entry.size;
      for await (const _ of body());
    }
    expect(found).toMatchObject({ 'a/': 0, 'a/b': 5, top: 3_000_000 });
    expect(daemon.run('docker', ['images', '-qa']).stdout).toBe(before);
  });

  test('that the client does not take leaves no image', async () => {
    const before = daemon.run('docker', ['images', '-qa']).stdout;
    // Nobody has such an image already.
    const own = `${dockerfile}LABEL of=${process.pid}\n`;
    const methods: Record<string, SessionMethod> = {
      '/moby.filesync.v1.FileSend/DiffCopy': async () => 2,
    };
    await expect(build({ dockerfile: own, files, methods, exporters: [{ 1: 'tar' }] })).rejects.toThrow();
    expect(daemon.run('docker', ['images', '-qa']).stdout).toBe(before);
  });

  test('as files is listed to the client, which asks for what it wants', async () => {
    const listed: string[] = [];
    const contents = new Map<string, number>();
    const methods: Record<string, SessionMethod> = {
      async '/moby.filesync.v1.FileSend/DiffCopy'({ requests, send }) {
        for await (const message of requests) {
          const packet = decode(message);
          if (packet.number(1) === 3) break;
          const [stat] = packet.all(2);
          if (packet.number(1) === 0 && stat !== undefined) listed.push(stat.text(1));
          else if (packet.number(1) === 0) send({ 1: 1, 3: listed.indexOf('top') });
          else if (packet.bytes(4).length === 0) send({ 1: 3 });
          else {
            const path = listed[packet.number(3)] ?? '';
            contents.set(path, (contents.get(path) ?? 0) + packet.bytes(4).length);
          }
        }
        return 0;
      },
    };
    await build({ dockerfile, files, methods, exporters: [{ 1: 'local' }] });
    expect(listed).toEqual(['a', 'a/b', 'top']);
    expect(Object.fromEntries(contents)).toEqual({ top: 3_000_000 });
  });
});

function decode(message: Buffer): Decoded {
  return new Decoded(Buffer.from(message));
}

function dataOf(message: Buffer): Buffer {
  return Buffer.from(decode(message).bytes(1));
}

async function* chunks(parts: readonly Buffer[]): AsyncGenerator<Buffer, void, void> {
  yield* parts;
}

describe('the worker', () => {
  test('is said to run here, with the gateway that buildx looks for', async () => {
    const [worker] = (await client.call(`${CONTROL}/ListWorkers`, {})).all(1);
    expect(worker?.map(2)).toHaveProperty(['org.mobyproject.buildkit.worker.moby.host-gateway-ip']);
    expect(worker?.all(3).map((platform) => platform.text(2))).toEqual(['linux']);
  });

  test('lists its cache and prunes it', async () => {
    await build({ dockerfile: 'FROM busybox\nRUN echo listed > /x\n' });
    const listed = (await client.call(`${CONTROL}/DiskUsage`, { 1: 'description~=echo listed' })).all(1);
    expect(listed.map((record) => [record.text(9), record.text(10)])).toEqual([
      ['RUN echo listed > /x', 'regular'],
    ]);
    const pruned = await Array.fromAsync(client.stream(`${CONTROL}/Prune`, encode({ 2: 1 })));
    expect(pruned.map((record) => record.text(1))).toContain(listed[0]?.text(1) ?? '-');
    expect((await client.call(`${CONTROL}/DiskUsage`, {})).all(1)).toEqual([]);
  });
});

describe('what cannot be', () => {
  const diffCopy = '/moby.filesync.v1.FileSync/DiffCopy';

  test('a definition without a front end is refused', async () => {
    const solving = client.call(`${CONTROL}/Solve`, { 1: 'raw', 2: { 1: Buffer.from('op') } });
    await expect(solving).rejects.toThrow('build definitions (LLB) are not supported: only Dockerfiles are');
  });

  test('an unknown method, a malformed message and one that is too large fail alone', async () => {
    await expect(client.call('/a.B/C', {})).rejects.toMatchObject({ status: 12 });
    const torn = client.stream(`${CONTROL}/DiskUsage`, Buffer.from([0x0a, 0x7f])).next();
    await expect(torn).rejects.toMatchObject({ status: 3, message: 'malformed protobuf message' });
    const large = client.stream(`${CONTROL}/DiskUsage`, Buffer.alloc((16 << 20) + 1)).next();
    await expect(large).rejects.toMatchObject({ status: 8 });
    expect((await client.call('/grpc.health.v1.Health/Check', {})).number(1)).toBe(1);
  });

  test.each(['../x', '/x', 'a/../b', 'a//b', ''])(
    'a file of the context called %j is refused',
    async (path) => {
      const dockerfile = 'FROM busybox\nCOPY . /c\n';
      const failure = await failureOf({ dockerfile, files: [file(path, 'evil')] });
      expect(failure.message).toMatch(/^invalid (listing of|tar header:) /);
    },
  );

  test('data of a file that nobody asked for is refused', async () => {
    const methods: Record<string, SessionMethod> = {
      async [diffCopy]({ send }) {
        send({ 1: 2, 3: 7, 4: 'pushed' });
        return 0;
      },
    };
    const failure = await failureOf({ dockerfile: '', methods });
    expect(failure.message).toBe('the client sent a file that was not asked for');
  });

  test('a session that ends in the middle ends the build', async () => {
    const methods: Record<string, SessionMethod> = {
      async [diffCopy]() {
        return 2;
      },
    };
    const failure = await failureOf({ dockerfile: '', methods });
    expect(failure.status).not.toBe(0);
  });
});
