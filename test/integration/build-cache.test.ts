import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CacheExchange, ran } from '../fixtures/cache-exchange.ts';
import { makeDockerConfig } from '../fixtures/docker-plugins.ts';
import { DockerRegistry } from '../fixtures/docker-registry.ts';
import type { Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/** Caches of builds in a registry and in a folder: written by one daemon, read by another one, which has nothing. */

let exchange: CacheExchange;
let first: TestDaemon;
let second: TestDaemon;
let registry: DockerRegistry;

beforeAll(async () => {
  exchange = await CacheExchange.open();
  ({ first, second, registry } = exchange);
});
afterAll(() => exchange?.[Symbol.asyncDispose]());
beforeEach(() => exchange.forget());

describe('a cache in a registry', () => {
  test('of mode max spares another daemon all steps, and gives it the same image', () => {
    const content = exchange.files();
    const name = exchange.ref();
    expect(ran(exchange.build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`))).toEqual([
      'ran-main',
      'ran-tool',
    ]);
    expect(ran(exchange.build(second, content, '--cache-from', `type=registry,ref=${name}`))).toEqual([]);
    expect(exchange.result(second)).toBe(exchange.result(first));
    const idOf = (daemon: TestDaemon) => daemon.sampan('inspect', '-f', '{{json .RootFS.Layers}}', 'app');
    expect(idOf(second)).toBe(idOf(first));
    // What was fetched is cached here now, what was not needed is not.
    expect(ran(exchange.build(second, content))).toEqual(['ran-tool']);
  });

  test('of mode min has no steps of stages that the image is only copied from', () => {
    const content = exchange.files();
    const name = exchange.ref();
    exchange.build(first, content, '--cache-to', name);
    expect(ran(exchange.build(second, content, '--cache-from', name))).toEqual(['ran-tool']);
  });

  test('goes on where a step was changed', () => {
    const content = exchange.files();
    const name = exchange.ref();
    exchange.build(first, content, '--cache-to', `type=registry,ref=${name},mode=max`);
    const before = exchange.result(first);
    const changed = {
      ...content,
      Dockerfile: `${content['Dockerfile']}\nRUN echo ran-more && echo more >> /main`,
    };
    expect(ran(exchange.build(second, changed, '--cache-from', name))).toEqual(['ran-more']);
    expect(exchange.result(second).split('\n')[0]).toBe(before.split('\n')[0] ?? '-');
    const other = { ...content, input: 'other' };
    expect(ran(exchange.build(second, other, '--cache-from', name))).toEqual(['ran-main']);
  });

  test.each([
    ['image-manifest=false'],
    ['oci-mediatypes=false'],
    ['oci-mediatypes=false,image-manifest=true'],
    ['compression=zstd'],
    ['compression=uncompressed'],
  ])('with %s is as good', (form) => {
    const content = exchange.files();
    const name = exchange.ref();
    exchange.build(first, content, '--cache-to', `type=registry,ref=${name},mode=max,${form}`);
    expect(ran(exchange.build(second, content, '--cache-from', name))).toEqual([]);
    expect(exchange.result(second)).toBe(exchange.result(first));
  });

  test('is one of several that are asked in turn', () => {
    const [one, two] = [exchange.files(), exchange.files()];
    const names = [`${exchange.ref()}-1`, `${exchange.ref()}-2`];
    exchange.build(first, one, '--cache-to', `type=registry,ref=${names[0]},mode=max`);
    exchange.build(first, two, '--cache-to', `type=registry,ref=${names[1]},mode=max`);
    const from = ['--cache-from', names.join(','), '--cache-from', `${registry.host}/no/such:cache`];
    expect(ran(exchange.build(second, one, ...from))).toEqual([]);
    expect(ran(exchange.build(second, two, ...from))).toEqual([]);
  });

  test('may be the image itself', () => {
    const content = exchange.files();
    const name = `${registry.host}/team/app:${exchange.counter}`;
    expect(ran(exchange.build(first, content, '--cache-to', 'type=inline', '-t', name))).toHaveLength(2);
    first.sampan('push', name);
    expect(ran(exchange.build(second, content, '--cache-from', name))).toEqual(['ran-tool']);
    // By a build argument the same.
    const other = exchange.files();
    exchange.build(first, other, '--build-arg', 'BUILDKIT_INLINE_CACHE=1', '-t', name);
    first.sampan('push', name);
    expect(ran(exchange.build(second, other, '--cache-from', `type=registry,ref=${name}`))).toEqual([
      'ran-tool',
    ]);
  });

  test('needs the credentials that its registry wants', async () => {
    await using closed = await DockerRegistry.start({ me: 'secret' });
    const config = mkdtempSync(join(exchange.home, 'config-'));
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(join(config, 'config.json'), JSON.stringify({ auths: { [closed.host]: { auth } } }));
    const content = exchange.files();
    const name = `${closed.host}/app:cache`;
    const known = ['--config', config];
    const with_ = (daemon: TestDaemon, ...flags: string[]): Outcome => {
      const context = exchange.contextOf(content);
      return daemon.run('sampan', [...known, 'build', '--progress=plain', '-t', 'app', ...flags, context]);
    };
    const refused = exchange.build(first, content, '--cache-to', name);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('no basic auth credentials'),
    ]);
    ran(with_(first, '--cache-to', `type=registry,ref=${name},mode=max`));
    expect(ran(exchange.build(second, content, '--cache-from', name))).toHaveLength(2);
    second.sampan('builder', 'prune', '-af');
    expect(ran(with_(second, '--cache-from', name))).toEqual([]);
  });
});

describe('a cache in a folder', () => {
  test('spares another daemon the steps, and only what is new is written to it again', () => {
    const content = exchange.files();
    const folder = exchange.folder();
    exchange.build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`);
    const before = layersIn(folder).sort();
    expect(ran(exchange.build(second, content, '--cache-from', `type=local,src=${folder}`))).toEqual([]);
    expect(exchange.result(second)).toBe(exchange.result(first));
    const again = [
      '--cache-from',
      `type=local,src=${folder}`,
      '--cache-to',
      `type=local,dest=${folder},mode=max`,
    ];
    expect(ran(exchange.build(second, content, ...again))).toEqual([]);
    expect(layersIn(folder).sort()).toEqual(before);
    const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    expect(manifests).toHaveLength(1);
  });

  test('may have several caches, by tag or digest', () => {
    const [one, two] = [exchange.files(), exchange.files()];
    const folder = exchange.folder();
    exchange.build(first, one, '--cache-to', `type=local,dest=${folder},mode=max,tag=one`);
    exchange.build(first, two, '--cache-to', `type=local,dest=${folder},mode=max,tag=two`);
    expect(ran(exchange.build(second, one, '--cache-from', `type=local,src=${folder},tag=one`))).toEqual([]);
    const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    const digest = manifests[1].digest;
    expect(
      ran(exchange.build(second, two, '--cache-from', `type=local,src=${folder},digest=${digest}`)),
    ).toEqual([]);
  });

  test('that is not there is a warning', () => {
    const outcome = exchange.build(
      second,
      exchange.files(),
      '--cache-from',
      `type=local,src=${join(exchange.home, 'nowhere')}`,
    );
    expect(ran(outcome)).toHaveLength(2);
    expect(outcome.stderr).toContain('WARNING: local cache import skipped');
  });

  test('that lies is told, and of no use', () => {
    const content = exchange.files();
    const folder = exchange.folder();
    exchange.build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`);
    for (const path of layersIn(folder)) spoil(path);
    const outcome = exchange.build(second, content, '--cache-from', `type=local,src=${folder}`);
    expect(ran(outcome)).toEqual(['ran-main', 'ran-tool']);
    expect(outcome.stderr).toContain('does not give what it has');
    expect(exchange.result(second)).not.toBe(exchange.result(first));
  });

  test('whose layers are shorter than they were is a miss', () => {
    const content = exchange.files();
    const folder = exchange.folder();
    exchange.build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`);
    for (const path of layersIn(folder)) truncateSync(path, 10);
    expect(ran(exchange.build(second, content, '--cache-from', `type=local,src=${folder}`))).toHaveLength(2);
  });
});

describe('docker buildx', () => {
  let config: string;
  beforeAll(() => {
    config = makeDockerConfig(exchange.home);
  });

  function buildx(
    daemon: TestDaemon,
    content: Readonly<Record<string, string>>,
    ...flags: string[]
  ): Outcome {
    const context = exchange.contextOf(content);
    return daemon.run('docker', [
      ...['--config', config, 'buildx', 'build', '--progress=plain', '-t', 'app', ...flags, context],
    ]);
  }

  test('keeps caches in a registry, a folder and the image at once', () => {
    const content = exchange.files();
    const name = `${registry.host}/team/app:cache-${exchange.counter}`;
    const folder = join(exchange.home, `cache ${exchange.counter} ü`);
    const to = [`type=registry,ref=${name},mode=max`, `type=local,dest=${folder},mode=max`, 'type=inline'];
    ran(buildx(first, content, ...to.flatMap((one) => ['--cache-to', one])));
    for (const from of [`type=registry,ref=${name}`, `type=local,src=${folder}`]) {
      expect(ran(buildx(second, content, '--cache-from', from))).toEqual([]);
      expect(exchange.result(second)).toBe(exchange.result(first));
      second.sampan('rmi', '-f', 'app');
      second.sampan('builder', 'prune', '-af');
    }
    // What one command line wrote the other one reads.
    expect(ran(exchange.build(second, content, '--cache-from', `type=local,src=${folder}`))).toEqual([]);
  });

  test('reads a folder that our command line wrote, and hears of one that lies', () => {
    const content = exchange.files();
    const folder = exchange.folder();
    ran(exchange.build(first, content, '--cache-to', `type=local,dest=${folder},mode=max`));
    expect(ran(buildx(second, content, '--cache-from', `type=local,src=${folder}`))).toEqual([]);
    second.sampan('rmi', '-f', 'app');
    second.sampan('builder', 'prune', '-af');
    for (const path of layersIn(folder)) spoil(path);
    const outcome = buildx(second, content, '--cache-from', `type=local,src=${folder}`);
    expect(ran(outcome)).toEqual(['ran-main', 'ran-tool']);
    expect(outcome.stderr).toContain('does not give what it has');
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
