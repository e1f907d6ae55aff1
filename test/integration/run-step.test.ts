import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Context } from '../../src/base/context.ts';
import { notFound } from '../../src/base/errors.ts';
import { makeVertex, type RunMount, type RunOperation } from '../../src/build/definition/vertex.ts';
import type { FileTree } from '../../src/build/file-tree.ts';
import { identityOf, type LayersResult, type Result } from '../../src/build/solver/result.ts';
import type { Made, Step, Surroundings } from '../../src/build/solver/step.ts';
import { CacheMounts } from '../../src/build/steps/cache-mounts.ts';
import { ResultLayers } from '../../src/build/steps/layers-of.ts';
import { ProcessError } from '../../src/build/steps/process-error.ts';
import { createRunStep, type Entitlement } from '../../src/build/steps/run.ts';
import { type Digest, digestOf } from '../../src/oci/digest.ts';
import { hostPlatform } from '../../src/oci/platform.ts';
import type { TarHeader } from '../../src/oci/tar/writer.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import type { TreePart } from '../../src/runtime/trees/contract.ts';
import { plainRun, SandboxHost } from '../fixtures/sandbox-host.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';

let host: SandboxHost;
let base: LayersResult;
let cacheMounts: CacheMounts;

beforeAll(async () => {
  host = await SandboxHost.open();
  base = { kind: 'layers', layers: [host.busybox] };
  for (const name of ['mount', 'sockets']) mkdirSync(join(host.home, name), { mode: 0o700 });
  cacheMounts = await CacheMounts.open({
    database: host.parts.database,
    directory: join(host.home, 'cache-mounts'),
    trees: host.parts.trees,
    usage: async () => 0,
  });
});
afterAll(() => host[Symbol.asyncDispose]());

interface Wishes extends Partial<Omit<RunOperation, 'kind' | 'args' | 'mounts'>> {
  readonly mounts?: readonly RunMount[];
  readonly root?: Result;
  /** From input 1 on. */
  readonly inputs?: readonly Result[];
  readonly surroundings?: Partial<Surroundings>;
  readonly entitlements?: readonly Entitlement[];
  readonly context?: Context;
  readonly args?: readonly string[];
}

/** The text that the step's output is, and what came of it. */
class Bench {
  output = '';
  readonly #step: Step<RunOperation>;
  readonly #maker: ReturnType<typeof createRunStep>;

  constructor(script: string, wishes: Wishes) {
    const { root = base, inputs = [], surroundings = {}, entitlements = [], context, ...rest } = wishes;
    const { limits } = plainRun;
    const operation: RunOperation = {
      ...{
        kind: 'run',
        args: ['/bin/sh', '-c', script],
        env: ['PATH=/bin'],
        proxies: [],
        workingDirectory: '/',
      },
      ...{
        user: '',
        hostname: 'buildkitsandbox',
        network: 'none',
        security: 'sandbox',
        mounts: [],
        files: [],
      },
      ...{ extraHosts: [], limits, platform: hostPlatform() },
      ...rest,
    };
    const { parts, home } = host;
    const { trees, snapshots, sandboxes } = parts;
    const images = parts.images.maker;
    this.#maker = createRunStep({
      ...{ trees, snapshots, sandboxes, cacheMounts, images, entitlements: new Set(entitlements) },
      ...{ mountPoint: join(home, 'mount'), directory: join(home, 'sockets') },
      resultLayers: new ResultLayers({ images, snapshots }),
    });
    this.#step = {
      context: context ?? host.context,
      vertex: makeVertex(operation, [], { name: 'RUN', ignoresCache: false }),
      operation,
      inputs: [root, ...inputs],
      surroundings: {
        ...{ style: 'buildkit', namedContexts: {}, secrets: async () => undefined, ssh: () => undefined },
        ...{ credentials: () => undefined, sourceDate: undefined, context: tree({}) },
        ...surroundings,
      },
      lease: images.leaseLayers(host.context),
      tell: {
        output: (_stream, bytes) => {
          this.output += Buffer.from(bytes).toString();
        },
        progress: () => {},
      },
    };
  }

  key(): Promise<unknown> {
    return this.#maker.key(this.#step);
  }

  make(): Promise<Made> {
    return this.#maker.make(this.#step);
  }
}

async function make(
  script: string,
  wishes: Wishes = {},
): Promise<{ output: string; added: readonly Digest[] }> {
  const bench = new Bench(script, wishes);
  const made = await bench.make();
  if (made.kind !== 'added') throw new Error(`made ${made.kind}`);
  return { output: bench.output, added: made.layers };
}

const keyOf = (script: string, wishes: Wishes = {}): Promise<unknown> => new Bench(script, wishes).key();

/** Files that are no layers yet. */
function tree(files: Readonly<Record<string, string>>): FileTree {
  const headers = new Map<string, TarHeader>([['/', { type: 'directory', name: '/', mode: 0o755 }]]);
  for (const [path, text] of Object.entries(files)) {
    headers.set(path, { type: 'file', name: path, mode: 0o644, size: text.length });
  }
  const within = (path: string) =>
    [...headers.keys()].filter((name) => path === '/' || name === path || name.startsWith(`${path}/`)).sort();
  const relative = (name: string, path: string): string => name.slice(path.length).replace(/^\//, '') || '.';
  const content = (name: string) => (files[name] === undefined ? undefined : digestOf(files[name]));
  return {
    digest: digestOf(JSON.stringify(files)),
    async stat(_context, path) {
      const header = headers.get(path);
      return header === undefined ? undefined : { header, content: undefined };
    },
    names: async () => [],
    async *list(_context, path) {
      if (!headers.has(path)) throw notFound(`${path} is not there`);
      for (const name of within(path)) {
        const header = headers.get(name);
        if (header !== undefined)
          yield { header: { ...header, name: relative(name, path) }, content: content(name) };
      }
    },
    async *read(_context, path): AsyncGenerator<TreePart> {
      for (const name of within(path)) {
        const header = headers.get(name);
        if (header !== undefined) yield { ...header, name: relative(name, path) };
        if (files[name] !== undefined && files[name] !== '') yield Buffer.from(files[name]);
      }
    },
  };
}

function files(content: Readonly<Record<string, string>>): Result {
  return { kind: 'files', tree: tree(content) };
}

type Mount<T extends RunMount['type']> = Extract<RunMount, { type: T }>;

const bind: Mount<'bind'> = { type: 'bind', target: '/m', input: 1, source: '/', readOnly: true };
const rootsOwn = { uid: 0, gid: 0 };
const cache: Mount<'cache'> = {
  type: 'cache',
  target: '/c',
  id: 'c',
  sharing: 'shared',
  readOnly: false,
  input: undefined,
  source: '/',
  mode: 0o755,
  ...rootsOwn,
};
const secret: Mount<'secret'> = {
  type: 'secret',
  target: '/run/secrets/word',
  id: 'word',
  env: '',
  required: true,
  mode: 0o400,
  ...rootsOwn,
};
const ssh: Mount<'ssh'> = {
  type: 'ssh',
  target: '',
  id: 'default',
  required: true,
  mode: 0o600,
  uid: 33,
  gid: 33,
};

/** Names in a layer. */
function namesIn(layer: Digest | undefined): string[] {
  const path = join(host.home, 'data/content/blobs/sha256', (layer ?? '').replace('sha256:', ''));
  return execFileSync('tar', ['tf', path]).toString().split('\n').filter(Boolean);
}

describe('a command', () => {
  test('adds what it changed as a layer, and nothing when it changed nothing', async () => {
    const { added } = await make('echo 1 >/a; rm /etc/group');
    expect(added).toHaveLength(1);
    expect(namesIn(added[0])).toEqual(['a', 'etc/', 'etc/.wh.group']);
    expect((await make('true')).added).toEqual([]);
    const root: Result = { kind: 'layers', layers: [...base.layers, ...added] };
    expect((await make('cat /a; ls /etc', { root })).output).toBe(
      '1\nhostname\nhosts\nmtab\npasswd\nresolv.conf\n',
    );
  });

  test('that fails is told with its exit code', async () => {
    const failed = make('echo "some words"; exit 42');
    await expect(failed).rejects.toThrow(ProcessError);
    await expect(failed).rejects.toMatchObject({
      message:
        'process "/bin/sh -c echo \\"some words\\"; exit 42" did not complete successfully: exit code: 42',
      exitCode: 42,
      args: ['/bin/sh', '-c', 'echo "some words"; exit 42'],
    });
  });

  test('that needs too much memory is told to', async () => {
    const limits = { ...plainRun.limits, memory: 16 << 20, memorySwap: 16 << 20 };
    await expect(make('tail /dev/zero', { limits })).rejects.toThrow(
      'exit code: 137: cannot allocate memory',
    );
  });

  test('that cannot be started is told as what it is', async () => {
    await expect(make('', { args: ['nothing-like-it'] })).rejects.toThrow(StartError);
  });

  test('that is given up leaves nothing', async () => {
    const signal = AbortSignal.timeout(50);
    await expect(make('sleep 1000', { context: { ...host.context, signal } })).rejects.toThrow();
    expect(host.leftovers()).toEqual([]);
  });

  test('gets the proxies, its own variables and an agent in their order', async () => {
    const { output } = await make('echo $http_proxy $X', {
      proxies: ['http_proxy=p'],
      env: ['PATH=/bin', 'X=1'],
    });
    expect(output).toBe('p 1\n');
  });

  test('makes the same layer at any time when there is a date', async () => {
    const wishes = { surroundings: { sourceDate: 1_000_000_000 } };
    const script = 'mkdir /d; date >/dev/null; echo 1 >/d/f; touch -d "2000-01-01 00:00:00" /d/old';
    const first = await make(script, wishes);
    await Bun.sleep(1100);
    expect((await make(script, wishes)).added).toEqual(first.added);
    const root: Result = { kind: 'layers', layers: [...base.layers, ...first.added] };
    expect((await make('stat -c %Y /d /d/f; stat -c %y /d/old', { root })).output).toMatch(
      /^1000000000\n1000000000\n2000-01-01/,
    );
  });

  test.each([
    ['security.insecure', { security: 'insecure' }],
    ['network.host', { network: 'host' }],
  ] as const)('needs %s to be granted', async (entitlement, wishes) => {
    await expect(make('true', wishes)).rejects.toMatchObject({
      code: 'permission-denied',
      message: `granting entitlement ${entitlement} is not allowed by build daemon configuration`,
    });
    expect((await make('true', { ...wishes, entitlements: [entitlement] })).added).toEqual([]);
  });
});

describe('the key of a command', () => {
  test('says what it is and what it is run on', async () => {
    const key = await keyOf('true');
    expect(await keyOf('true')).toEqual(key);
    const other: Result = { kind: 'layers', layers: [host.busybox, host.busybox] };
    const different: Wishes[] = [
      { root: other },
      { env: ['PATH=/bin', 'X=1'] },
      { user: 'www-data' },
      { network: 'default' },
      { security: 'insecure' },
      { hostname: 'x' },
      { workingDirectory: '/x' },
      { files: [{ path: '/f', mode: 0o755, content: '1' }] },
      { extraHosts: ['x:1.2.3.4'] },
      { mounts: [cache] },
    ];
    for (const wishes of different) expect(await keyOf('true', wishes)).not.toEqual(key);
    expect(await keyOf('false')).not.toEqual(key);
  });

  test('says nothing of proxies, limits, addresses, and what secrets and caches hold', async () => {
    const same = async (a: Wishes, b: Wishes) =>
      expect(await keyOf('true', a)).toEqual(await keyOf('true', b));
    await same({}, { proxies: ['HTTP_PROXY=x'], limits: { ...plainRun.limits, memory: 1 << 30 } });
    await same({ extraHosts: ['x:1.2.3.4'] }, { extraHosts: ['x:5.6.7.8'] });
    const secrets = async () => Buffer.from('hunter2');
    await same({ mounts: [secret] }, { mounts: [secret], surroundings: { secrets } });
    const key = JSON.stringify(await keyOf('true', { mounts: [secret], surroundings: { secrets } }));
    expect(key).not.toContain('hunter2');
  });

  test('says of files only what is mounted', async () => {
    const mounted = (source: string, content: Record<string, string>) =>
      keyOf('true', { mounts: [{ ...bind, source }], inputs: [files(content)] });
    const key = await mounted('/a', { '/a': '1', '/b': '2' });
    expect(await mounted('/a', { '/a': '1', '/b': '3' })).toEqual(key);
    expect(await mounted('/a', { '/a': '4', '/b': '2' })).not.toEqual(key);
    expect(await mounted('/', { '/a': '1' })).not.toEqual(await mounted('/', { '/a': '2' }));
    await expect(mounted('/c', { '/a': '1' })).rejects.toThrow('"/c": not found');
  });
});

describe('bind mounts of a command', () => {
  test('show files and layers, which stay as they are', async () => {
    const mounts: RunMount[] = [bind, { ...bind, target: '/e', input: 2, source: '/etc', readOnly: false }];
    const inputs = [files({ '/a': 'from the context\n' }), base];
    const { output, added } = await make('cat /m/a; echo x >>/e/passwd && ls /e', { mounts, inputs });
    expect(output).toBe('from the context\ngroup\npasswd\n');
    expect(added).toEqual([]);
    await expect(make('echo x >/m/a', { mounts, inputs })).rejects.toThrow('exit code: 1');
  });

  test('of what is not there say so', async () => {
    const mounts = [{ ...bind, source: '/missing' }];
    await expect(make('true', { mounts, inputs: [base] })).rejects.toThrow('"/missing": not found');
  });
});

describe('cache mounts of a command', () => {
  test('keep what commands leave in them, failed and given-up ones too', async () => {
    const mounts = [cache];
    expect((await make('echo 1 >/c/one', { mounts })).added).toEqual([]);
    await expect(make('echo 2 >/c/two; exit 1', { mounts })).rejects.toThrow(ProcessError);
    const stop = new AbortController();
    const context = { ...host.context, signal: stop.signal };
    const bench = new Bench('echo 3 >/c/three; echo; sleep 1000', { mounts, context });
    const made = bench.make();
    while (bench.output === '') await Bun.sleep(5);
    stop.abort(new Error('enough'));
    await expect(made).rejects.toThrow('enough');
    expect((await make('ls /c', { mounts })).output).toBe('one\nthree\ntwo\n');
    expect((await cacheMounts.list()).some(({ inUse }) => inUse)).toBe(false);
  });

  test('begin with files or layers, and can be read-only', async () => {
    const seeded = { ...cache, id: 'seeded', input: 1, readOnly: true } as const;
    const mounts = [seeded, { ...cache, id: 'layered', target: '/l', input: 2, source: '/etc' }];
    const inputs = [files({ '/s': 'seed\n' }), base];
    const { output } = await make('cat /c/s; ls /l; touch /c/x || echo read-only', { mounts, inputs });
    expect(output).toStartWith('seed\ngroup\npasswd\n');
    expect(output).toContain('read-only\n');
  });

  test('are one for a command that mounts one twice, even alone', async () => {
    const locked = { ...cache, id: 'locked', sharing: 'locked' } as const;
    const mounts = [locked, { ...locked, target: '/d' }];
    expect((await make('echo 1 >/c/a; cat /d/a', { mounts })).output).toBe('1\n');
  });
});

describe('a hostile neighbour in a shared cache', () => {
  test('does not lead the mounts of another command out of its root', async () => {
    const stop = new AbortController();
    const context = { ...host.context, signal: stop.signal };
    const swap =
      'cd /c; mkdir real; while :; do ln -sfn /etc d; ln -sfn ../../../../../etc d; ln -sfn /proc/1/root d; rm d; mv real d; mv d real; done';
    const hostile = make(`${swap} 2>/dev/null`, { mounts: [cache], context });
    hostile.catch(() => {});
    const surroundings = { secrets: async () => Buffer.from('correct horse') };
    const mounts: RunMount[] = [cache, { ...secret, target: '/c/d/planted' }];
    const names = new Set<string>();
    try {
      for (let turn = 0; turn < 25; turn++) {
        // It may fail to start: the way to the target is not there at that moment.
        const made = await make('true', { mounts, surroundings }).catch((error: unknown) => {
          expect(error).toBeInstanceOf(StartError);
        });
        for (const layer of made?.added ?? []) for (const name of namesIn(layer)) names.add(name);
      }
    } finally {
      stop.abort(new Error('enough'));
      await expect(hostile).rejects.toThrow('enough');
    }
    // Where a link led to in the command's own root an empty mount point may stay.
    expect([...names].filter((name) => !/^(etc\/)?(planted)?$/.test(name))).toEqual([]);
    expect(existsSync('/etc/planted')).toBe(false);
    expect(
      execFileSync('sh', [
        '-c',
        `grep -srlaF --exclude-dir=layers --exclude-dir=busybox "correct horse" ${host.home} || true`,
      ]).toString(),
    ).toBe('');
  });
});

describe('secrets of a command', () => {
  const word = 'correct horse battery staple';
  const surroundings = { secrets: async (id: string) => (id === 'word' ? Buffer.from(word) : undefined) };

  test('are files and variables, and are found nowhere afterwards', async () => {
    const mounts: RunMount[] = [secret, { ...secret, target: '', env: 'WORD' }];
    const script = 'cat /run/secrets/word; echo; echo $WORD; echo done >/done';
    const { output, added } = await make(script, { mounts, surroundings });
    expect(output).toBe(`${word}\n${word}\n`);
    expect(namesIn(added[0])).toEqual(['done']);
    expect(
      execFileSync('sh', [
        '-c',
        `grep -srlaF --exclude-dir=layers --exclude-dir=busybox "${word}" ${host.home} || true`,
      ]).toString(),
    ).toBe('');
  });

  test('that fail a command are not told', async () => {
    const mounts: RunMount[] = [{ ...secret, env: 'WORD' }];
    const error = await make('exit 1', { mounts, surroundings }).catch((failure: unknown) => failure);
    expect(Bun.inspect(error)).not.toContain(word);
    const target = await make('true', { mounts: [{ ...secret, target: '/proc/x' }], surroundings }).catch(
      (failure: unknown) => failure,
    );
    expect(target).toBeInstanceOf(StartError);
    expect(Bun.inspect(target)).not.toContain(word);
  });

  test('that are too large are refused', async () => {
    const secrets = async () => Buffer.alloc(512_001);
    await expect(make('true', { mounts: [secret], surroundings: { secrets } })).rejects.toThrow('too large');
  });

  test('that are missing fail it only when it needs them', async () => {
    const missing = { ...secret, id: 'other' };
    await expect(make('true', { mounts: [missing] })).rejects.toThrow('secret other: not found');
    const { output } = await make('ls /run/secrets', { mounts: [{ ...missing, required: false }] }).catch(
      () => ({ output: 'none' }),
    );
    expect(output).toBe('none');
  });
});

describe('agents of a command', () => {
  test('answer on a socket of its user while it runs', async () => {
    const agent = join(host.home, 'agent');
    const server = createServer((socket) => {
      socket.once('data', (data) => socket.end(`you said ${data}`));
    }).listen(agent);
    try {
      const surroundings = { ssh: (id: string) => (id === 'default' ? agent : undefined) };
      const data = readFileSync(buildStaticProgram('unix-client'));
      const talk = await host.layer([
        { type: 'file', name: 'bin/talk', mode: 0o755, size: data.length },
        data,
      ]);
      const script = 'echo $SSH_AUTH_SOCK; stat -c "%u %a %F" $SSH_AUTH_SOCK; talk $SSH_AUTH_SOCK hello';
      const root: Result = { kind: 'layers', layers: [...base.layers, talk] };
      const wishes = { mounts: [ssh], surroundings, user: 'www-data', root };
      const { output } = await make(script, wishes);
      expect(output).toBe('/run/buildkit/ssh_agent.0\n33 600 socket\nyou said hello');
      expect(readdirSync(join(host.home, 'sockets'))).toEqual([]);
      expect(statSync(agent).uid).toBe(process.getuid?.() ?? 0);
    } finally {
      server.close();
      rmSync(agent, { force: true });
    }
  });

  test('that nobody forwards fail it only when it needs them', async () => {
    await expect(make('true', { mounts: [ssh] })).rejects.toThrow('unset ssh forward key default');
    const { output } = await make('test -n "$SSH_AUTH_SOCK" || echo none', {
      mounts: [{ ...ssh, required: false }],
    });
    expect(output).toBe('none\n');
  });
});

test('commands leave nothing behind', () => {
  expect(host.leftovers()).toEqual([]);
  expect(identityOf(base)).toStartWith('sha256:');
  expect(existsSync(join(host.home, 'sockets'))).toBe(true);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(join(host.home, 'mount'));
});
