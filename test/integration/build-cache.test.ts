import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDockerConfig } from '../fixtures/docker-plugins.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import { RegistryProxy } from '../fixtures/registry-proxy.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** Caches of builds in a registry and in a folder: written by one daemon, read by another one, which has nothing. */

let first: TestDaemon;
let second: TestDaemon;
let registry: DockerRegistry;
let home: string;

beforeAll(async () => {
  registry = await DockerRegistry.start();
  [first, second] = await Promise.all([TestDaemon.start(), TestDaemon.start()]);
  home = mkdtempSync(join(tmpdir(), 'sampan-build-cache-'));
  // Both begin with the very same layer.
  const archive = join(home, 'busybox.tar');
  first.sampan('save', '-o', archive, 'busybox');
  second.sampan('load', '-i', archive);
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await Promise.allSettled([first, second].map((daemon) => daemon?.[Symbol.asyncDispose]()));
  await registry?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  for (const daemon of [first, second]) {
    daemon.run('sampan', ['rmi', '-f', 'app']);
    daemon.sampan('builder', 'prune', '-af');
    daemon.sampan('image', 'prune', '-f');
  }
});

let counter = 0;

/** Two stages; each step says that it ran. What is random would be another the second time. */
function files(): Readonly<Record<string, string>> {
  const own = `mark-${process.pid}-${counter++}`;
  return {
    Dockerfile: [
      ...['FROM busybox AS tools', `RUN echo ran-tool-${own} && cat /proc/sys/kernel/random/uuid > /tool`],
      ...[
        'FROM busybox',
        'COPY input /input',
        `RUN echo ran-main-${own} && cat /proc/sys/kernel/random/uuid > /main`,
      ],
      ...['WORKDIR /', 'COPY --from=tools /tool /tool', 'CMD ["cat", "/main", "/tool", "/input"]'],
    ].join('\n'),
    input: 'from the context',
  };
}

function contextOf(content: Readonly<Record<string, string>>): string {
  const context = mkdtempSync(join(home, 'context-'));
  for (const [name, text] of Object.entries(content)) writeFileSync(join(context, name), text);
  return context;
}

function build(daemon: TestDaemon, content: Readonly<Record<string, string>>, ...flags: string[]): Outcome {
  return daemon.run('sampan', ['build', '--progress=plain', '-t', 'app', ...flags, contextOf(content)]);
}

/** What steps said that they ran. */
function ran({ stderr, status }: Outcome): string[] {
  if (status !== 0) throw new Error(stderr);
  return [...stderr.matchAll(/^#\d+ [\d.]+ (ran-\w+)/gm)].map(([, name]) => name ?? '').sort();
}

function result(daemon: TestDaemon): string {
  return daemon.sampan('run', '--rm', 'app');
}

describe('a cache in a registry', () => {
  const ref = (): string => `${registry.host}/team/app:cache-${counter}`;

  test('of mode max spares another daemon all steps, and gives it the same image', () => {
    const content = files();
    const name = ref();
    expect(ran(build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`))).toEqual([
      'ran-main',
      'ran-tool',
    ]);
    expect(ran(build(second, content, '--cache-from', `type=registry,ref=${name}`))).toEqual([]);
    expect(result(second)).toBe(result(first));
    const idOf = (daemon: TestDaemon) => daemon.sampan('inspect', '-f', '{{json .RootFS.Layers}}', 'app');
    expect(idOf(second)).toBe(idOf(first));
    // What was fetched is cached here now, what was not needed is not.
    expect(ran(build(second, content))).toEqual(['ran-tool']);
  });

  test('of mode min has no steps of stages that the image is only copied from', () => {
    const content = files();
    const name = ref();
    build(first, content, '--cache-to', name);
    expect(ran(build(second, content, '--cache-from', name))).toEqual(['ran-tool']);
  });

  test('goes on where a step was changed', () => {
    const content = files();
    const name = ref();
    build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`);
    const before = result(first);
    const changed = {
      ...content,
      Dockerfile: `${content['Dockerfile']}\nRUN echo ran-more && echo more >> /main`,
    };
    expect(ran(build(second, changed, '--cache-from', name))).toEqual(['ran-more']);
    expect(result(second).split('\n')[0]).toBe(before.split('\n')[0] ?? '-');
    const other = { ...content, input: 'other' };
    expect(ran(build(second, other, '--cache-from', name))).toEqual(['ran-main']);
  });

  test.each([
    ['image-manifest=false'],
    ['oci-mediatypes=false'],
    ['oci-mediatypes=false,image-manifest=true'],
    ['compression=zstd'],
    ['compression=uncompressed'],
  ])('with %s is as good', (form) => {
    const content = files();
    const name = ref();
    build(first, content, '--cache-to', `type=registry,ref=${name},mode=max,${form}`);
    expect(ran(build(second, content, '--cache-from', name))).toEqual([]);
    expect(result(second)).toBe(result(first));
  });

  test('is one of several that are asked in turn', () => {
    const [one, two] = [files(), files()];
    const names = [`${ref()}-1`, `${ref()}-2`];
    build(first, one, '--cache-to', `type=registry,ref=${names[0]},mode=max`);
    build(first, two, '--cache-to', `type=registry,ref=${names[1]},mode=max`);
    const from = ['--cache-from', names.join(','), '--cache-from', `${registry.host}/no/such:cache`];
    expect(ran(build(second, one, ...from))).toEqual([]);
    expect(ran(build(second, two, ...from))).toEqual([]);
  });

  test('may be the image itself', () => {
    const content = files();
    const name = `${registry.host}/team/app:${counter}`;
    expect(ran(build(first, content, '--cache-to', 'type=inline', '-t', name))).toHaveLength(2);
    first.sampan('push', name);
    expect(ran(build(second, content, '--cache-from', name))).toEqual(['ran-tool']);
    // By a build argument the same.
    const other = files();
    build(first, other, '--build-arg', 'BUILDKIT_INLINE_CACHE=1', '-t', name);
    first.sampan('push', name);
    expect(ran(build(second, other, '--cache-from', `type=registry,ref=${name}`))).toEqual(['ran-tool']);
  });

  test('needs the credentials that its registry wants', async () => {
    await using closed = await DockerRegistry.start({ me: 'secret' });
    const config = mkdtempSync(join(home, 'config-'));
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }));
    const content = files();
    const name = `${closed.host}/app:cache`;
    const known = ['--config', config];
    const with_ = (daemon: TestDaemon, ...flags: string[]): Outcome => {
      const context = contextOf(content);
      return daemon.run('sampan', [...known, 'build', '--progress=plain', '-t', 'app', ...flags, context]);
    };
    const refused = build(first, content, '--cache-to', name);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('no basic auth credentials'),
    ]);
    ran(with_(first, '--cache-to', `type=registry,ref=${name},mode=max`));
    expect(ran(build(second, content, '--cache-from', name))).toHaveLength(2);
    second.sampan('builder', 'prune', '-af');
    expect(ran(with_(second, '--cache-from', name))).toEqual([]);
  });
});

describe('a cache in a folder', () => {
  test('spares another daemon the steps, and only what is new is written to it again', () => {
    const content = files();
    const folder = join(home, `cache-${counter}`);
    build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`);
    const before = layersIn(folder).sort();
    expect(ran(build(second, content, '--cache-from', `type=local,src=${folder}`))).toEqual([]);
    expect(result(second)).toBe(result(first));
    const again = [
      '--cache-from',
      `type=local,src=${folder}`,
      '--cache-to',
      `type=local,dest=${folder},mode=max`,
    ];
    expect(ran(build(second, content, ...again))).toEqual([]);
    expect(layersIn(folder).sort()).toEqual(before);
    const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    expect(manifests).toHaveLength(1);
  });

  test('may have several caches, by tag or digest', () => {
    const [one, two] = [files(), files()];
    const folder = join(home, `cache-${counter}`);
    build(first, one, '--cache-to', `type=local,dest=${folder},mode=max,tag=one`);
    build(first, two, '--cache-to', `type=local,dest=${folder},mode=max,tag=two`);
    expect(ran(build(second, one, '--cache-from', `type=local,src=${folder},tag=one`))).toEqual([]);
    const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    const digest = manifests[1].digest;
    expect(ran(build(second, two, '--cache-from', `type=local,src=${folder},digest=${digest}`))).toEqual([]);
  });

  test('that is not there is a warning', () => {
    const outcome = build(second, files(), '--cache-from', `type=local,src=${join(home, 'nowhere')}`);
    expect(ran(outcome)).toHaveLength(2);
    expect(outcome.stderr).toContain('WARNING: local cache import skipped');
  });

  test('that lies is told, and of no use', () => {
    const content = files();
    const folder = join(home, `cache-${counter}`);
    build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`);
    for (const path of layersIn(folder)) spoil(path);
    const outcome = build(second, content, '--cache-from', `type=local,src=${folder}`);
    expect(ran(outcome)).toEqual(['ran-main', 'ran-tool']);
    expect(outcome.stderr).toContain('does not give what it has');
    expect(result(second)).not.toBe(result(first));
  });

  test('whose layers are shorter than they were is a miss', () => {
    const content = files();
    const folder = join(home, `cache-${counter}`);
    build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`);
    for (const path of layersIn(folder)) truncateSync(path, 10);
    expect(ran(build(second, content, '--cache-from', `type=local,src=${folder}`))).toHaveLength(2);
  });
});

describe('a cache behind a slow connection', () => {
  const LARGE = 4 << 20;
  /** A stage that leaves much of which the image has nothing, and a step that the image has much of. */
  const large = (): Readonly<Record<string, string>> => ({
    Dockerfile: [
      ...[
        'FROM busybox AS tools',
        `RUN echo ran-tool-${counter++} && head -c ${LARGE} /dev/urandom > /big && echo x > /tool`,
      ],
      ...[
        'FROM busybox',
        `RUN echo ran-main && head -c ${LARGE} /dev/urandom > /own`,
        'COPY --from=tools /tool /tool',
      ],
    ].join('\n'),
  });

  /** Forms of layers that are large, as the registry has them. */
  async function largeBlobs(name: string): Promise<string[]> {
    const [repository, tag] = name.slice(registry.host.length + 1).split(':');
    const accept = { Accept: 'application/vnd.oci.image.manifest.v1+json' };
    const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, { headers: accept });
    const { layers } = (await answer.json()) as { layers: { digest: string; size: number }[] };
    return layers.filter(({ size }) => size > LARGE / 2).map(({ digest }) => digest);
  }

  function begin(daemon: TestDaemon, content: Readonly<Record<string, string>>, from: string) {
    const program = join(import.meta.dir, '../../sampan');
    const command = [
      program,
      'build',
      '--progress=plain',
      '-t',
      'app',
      '--cache-from',
      from,
      contextOf(content),
    ];
    const child = Bun.spawn(command, {
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
      env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}` },
    });
    const outcome = async (): Promise<Outcome> => {
      const stderr = await child.stderr.text();
      return { stdout: '', stderr, status: await child.exited };
    };
    return { child, outcome: outcome() };
  }

  test('gives only what is needed', async () => {
    await using proxy = new RegistryProxy(registry.url);
    const content = large();
    const name = `${registry.host}/team/app:large-${counter}`;
    build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`);
    const blobs = await largeBlobs(name);
    expect(blobs).toHaveLength(2);
    const { outcome } = begin(second, content, name.replace(registry.host, proxy.host));
    expect(ran(await outcome)).toEqual([]);
    const served = blobs.map((digest) => proxy.served(digest)).sort((a, b) => a - b);
    expect([served[0], (served[1] ?? 0) > LARGE / 2]).toEqual([0, true]);
  });

  test('that is given up, or with a daemon that is killed, leaves nothing in the way of the next build', async () => {
    await using proxy = new RegistryProxy(registry.url);
    const content = large();
    const name = `${registry.host}/team/app:large-${counter}`;
    build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`);
    const from = name.replace(registry.host, proxy.host);
    for (const end of ['client', 'daemon'] as const) {
      const stalled = Promise.withResolvers<void>();
      proxy.stallAfter = 1 << 20;
      proxy.onStall = () => stalled.resolve();
      const { child, outcome } = begin(second, content, from);
      await stalled.promise;
      if (end === 'client') child.kill('SIGINT');
      else await second.stopProcess('SIGKILL');
      expect((await outcome).status).not.toBe(0);
      if (end === 'daemon') await second.startProcess();
      expect(second.run('sampan', ['inspect', 'app']).status).toBe(1);
    }
    proxy.stallAfter = Number.POSITIVE_INFINITY;
    expect(ran(await begin(second, content, from).outcome)).toEqual([]);
    expect(second.sampan('run', '--rm', 'app', 'sha256sum', '/own')).toBe(
      first.sampan('run', '--rm', 'app', 'sha256sum', '/own'),
    );
  });
});

/** One bit of its last byte is another. */
function spoil(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(path, bytes);
}

/** Gzip is a layer's. */
function layersIn(folder: string): string[] {
  const blobs = join(folder, 'blobs/sha256');
  return readdirSync(blobs)
    .map((name) => join(blobs, name))
    .filter((path) => readFileSync(path)[0] === 0x1f);
}

describe('docker buildx', () => {
  let config: string;
  beforeAll(() => {
    config = makeDockerConfig(home);
  });

  function buildx(
    daemon: TestDaemon,
    content: Readonly<Record<string, string>>,
    ...flags: string[]
  ): Outcome {
    const context = contextOf(content);
    return daemon.run('docker', [
      ...['--config', config, 'buildx', 'build', '--progress=plain', '-t', 'app', ...flags, context],
    ]);
  }

  test('keeps caches in a registry, a folder and the image at once', () => {
    const content = files();
    const name = `${registry.host}/team/app:cache-${counter}`;
    const folder = join(home, `cache ${counter} ü`);
    const to = [`type=registry,ref=${name},mode=max`, `type=local,dest=${folder},mode=max`, 'type=inline'];
    ran(buildx(first, content, ...to.flatMap((one) => ['--cache-to', one])));
    for (const from of [`type=registry,ref=${name}`, `type=local,src=${folder}`]) {
      expect(ran(buildx(second, content, '--cache-from', from))).toEqual([]);
      expect(result(second)).toBe(result(first));
      second.sampan('rmi', '-f', 'app');
      second.sampan('builder', 'prune', '-af');
    }
    // What one command line wrote the other one reads.
    expect(ran(build(second, content, '--cache-from', `type=local,src=${folder}`))).toEqual([]);
  });

  test('reads a folder that our command line wrote, and hears of one that lies', () => {
    const content = files();
    const folder = join(home, `cache-${counter}`);
    ran(build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`));
    expect(ran(buildx(second, content, '--cache-from', `type=local,src=${folder}`))).toEqual([]);
    second.sampan('rmi', '-f', 'app');
    second.sampan('builder', 'prune', '-af');
    for (const path of layersIn(folder)) spoil(path);
    const outcome = buildx(second, content, '--cache-from', `type=local,src=${folder}`);
    expect(ran(outcome)).toEqual(['ran-main', 'ran-tool']);
    expect(outcome.stderr).toContain('does not give what it has');
  });
});

describe('a cache that cannot be had', () => {
  test('as its registry is away is told, and the build goes on', async () => {
    const gone = await DockerRegistry.start();
    const name = `${gone.host}/app:cache`;
    await gone[Symbol.asyncDispose]();
    const outcome = build(second, files(), '--cache-from', name);
    expect(ran(outcome)).toHaveLength(2);
    expect(outcome.stderr).toContain(`importing cache manifest from ${name}`);
    expect(outcome.stderr).toMatch(/ERROR: /);
  });

  test('as its registry is away cannot be written, which fails the build unless it shall not matter', async () => {
    const gone = await DockerRegistry.start();
    const name = `${gone.host}/app:cache`;
    await gone[Symbol.asyncDispose]();
    const content = files();
    expect(build(first, content, '--cache-to', name).status).toBe(1);
    expect(build(first, content, '--cache-to', `type=registry,ref=${name},ignore-error=true`).status).toBe(0);
  });

  test('as it is an image of somebody else is told', async () => {
    await registry.push('plain', '1', []);
    const outcome = build(second, files(), '--cache-from', `${registry.host}/plain:1`);
    expect(ran(outcome)).toHaveLength(2);
    expect(outcome.stderr).toContain('is an image without a cache in it');
  });

  test.each(['gha', 's3', 'azblob'])('as its type is %s is refused', (type) => {
    for (const flag of ['--cache-to', '--cache-from']) {
      const { status, stderr } = build(second, files(), flag, `type=${type}`);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`of type "${type}" is not supported`)]);
    }
  });
});
