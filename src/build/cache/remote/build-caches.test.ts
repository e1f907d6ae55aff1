import { beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../../../base/context.ts';
import { codeOf, messageOf } from '../../../base/errors.ts';
import { digestOf } from '../../../oci/digest.ts';
import type { BuildListener, BuildRequest, CacheWish } from '../../contract.ts';
import { PaperBuilder } from '../../testing/paper-builder.ts';
import { PaperRegistry } from '../../testing/paper-registry.ts';
import { INLINE_CACHE } from './cache-config.ts';

let registry: PaperRegistry;

beforeEach(() => {
  registry = new PaperRegistry();
});

/** A builder with nothing in its cache. */
function builder(): PaperBuilder {
  const made = new PaperBuilder(registry);
  made.add('base');
  return made;
}

function registryCache(attributes: Readonly<Record<string, string>> = {}): CacheWish {
  return { type: 'registry', attributes: { ref: 'reg.test/app:cache', ...attributes } };
}

const FILE =
  'FROM base AS one\nRUN first\nRUN second\nFROM base\nRUN third\nCOPY --from=one /x /x\nRUN fourth';

async function exported(change: Partial<BuildRequest>, file = FILE): Promise<PaperBuilder> {
  const made = builder();
  await made.build(file, change);
  return made;
}

/** Names of steps and what they said. */
class Told {
  readonly names = new Map<string, string>();
  readonly said: string[] = [];
  readonly cached: string[] = [];
  readonly failed: string[] = [];

  readonly listener: BuildListener = {
    onPlan: (vertices) => {
      for (const { digest, name } of vertices) this.names.set(digest, name);
    },
    onOutput: (vertex, _, bytes) => this.said.push(`${this.names.get(vertex)}: ${Buffer.from(bytes)}`),
    onDone: (vertex, { cached, error }) => {
      if (cached) this.cached.push(this.names.get(vertex) ?? '');
      if (error !== undefined) this.failed.push(`${this.names.get(vertex)}: ${error}`);
    },
  };
}

describe('a cache in a registry', () => {
  test('of mode max has the steps of all stages, and only what is needed of them is fetched', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    const second = builder();
    const told = new Told();
    await second.build(FILE, { cacheImports: [registryCache()] }, told.listener);
    expect(second.ran).toEqual([]);
    expect(told.cached).toHaveLength(5);
    // Nothing of the stage that is copied from: the copy itself is in the cache.
    const own = second.created.at(-1)?.config.rootfs.diff_ids.slice(1) ?? [];
    expect(registry.brought.sort()).toEqual([...own].sort());
    expect(registry.brought).toHaveLength(3);
  });

  test('of mode min has those steps alone whose layers the image has', async () => {
    await exported({ cacheExports: [registryCache()] });
    const second = builder();
    await second.build(FILE, { cacheImports: [registryCache()] });
    expect(second.ran.sort()).toEqual(['first', 'second']);
  });

  test('is asked only for what is not cached here, and what came of it is cached here', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    const second = builder();
    await second.build('FROM base\nRUN third');
    await second.build('FROM base\nRUN third\nRUN other', { cacheImports: [registryCache()] });
    expect([second.ran, registry.brought]).toEqual([['third', 'other'], []]);
    const third = builder();
    await third.build('FROM base\nRUN third', { cacheImports: [registryCache()] });
    expect(registry.brought).toHaveLength(1);
    await third.build('FROM base\nRUN third\nRUN more');
    expect(third.ran).toEqual(['more']);
  });

  test('gives the very same image, with the times of its steps', async () => {
    const first = await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    const second = builder();
    await second.build(FILE, { cacheImports: [registryCache()] });
    expect(second.created.at(-1)?.config).toEqual(first.created.at(-1)?.config as never);
  });

  test('is not asked where the cache is not to be used', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    const second = builder();
    await second.build('FROM base\nRUN third', { cacheImports: [registryCache()], noCache: true });
    expect(second.ran).toEqual(['third']);
  });

  test('is written anew from one that was only read', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    const copy = { ref: 'reg.test/other:cache', mode: 'max' };
    const change = { cacheImports: [registryCache()], cacheExports: [registryCache(copy)] };
    await builder().build(FILE, change);
    const third = builder();
    await third.build(FILE, { cacheImports: [registryCache({ ref: 'reg.test/other:cache' })] });
    expect(third.ran).toEqual([]);
  });
});

describe('a cache that is no help', () => {
  const missed = async (imports: readonly CacheWish[]): Promise<Told> => {
    const told = new Told();
    const second = builder();
    await second.build('FROM base\nRUN third', { cacheImports: imports }, told.listener);
    expect(second.ran).toEqual(['third']);
    return told;
  };

  test('as there is none is told, and nothing else comes of it', async () => {
    const { failed } = await missed([registryCache()]);
    expect(failed).toEqual([
      'importing cache manifest from reg.test/app:cache: manifest for reg.test/app:cache not found',
    ]);
  });

  test('as it was written by another builder is told', async () => {
    const config = put(Buffer.from('{"layers":[],"records":[]}'));
    const type = 'application/vnd.buildkit.cacheconfig.v0';
    putManifest({ config: { ...config, mediaType: type }, layers: [] });
    const { said, failed } = await missed([registryCache()]);
    expect(failed).toEqual([]);
    expect(said.join()).toContain('was written by another builder');
  });

  test('as its blobs are gone is a miss', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    for (const [digest, bytes] of registry.blobs) {
      if (bytes.toString().startsWith('form of')) registry.blobs.delete(digest);
    }
    expect((await missed([registryCache()])).failed).toEqual([]);
  });

  test('as it lies is told, and is asked for nothing more; nothing of it is cached', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    for (const [digest, bytes] of registry.blobs) {
      const text = bytes.toString();
      if (text.startsWith('form of')) registry.blobs.set(digest, Buffer.from(text.replace('form', 'from')));
    }
    const second = builder();
    const told = new Told();
    await second.build('FROM base\nRUN third', { cacheImports: [registryCache()] }, told.listener);
    expect(second.ran).toEqual(['third']);
    expect(told.failed.join()).toContain('the cache reg.test/app:cache does not give what it has');
    expect(registry.brought).toEqual([]);
  });

  test('as it lies is no reason not to ask the next one', async () => {
    await exported({ cacheExports: [registryCache({ mode: 'max' })] });
    const good = { ref: 'reg.test/good:cache' };
    const manifest = registry.manifests.get('reg.test/app:cache') ?? Buffer.alloc(0);
    registry.manifests.set('reg.test/good:cache', manifest);
    const { bring } = registry.exchange;
    const second = builder();
    registry.exchange.bring = (context, lease, offer) =>
      offer.place === 'reg.test/app' ? Promise.reject(new Error('broken off')) : bring(context, lease, offer);
    await second.build(FILE, { cacheImports: [registryCache(), registryCache(good)] });
    expect(second.ran).toEqual([]);
  });

  test('as it does not answer is no longer waited for when the build has ended', async () => {
    const asked = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    registry.onRead = () => {
      asked.resolve();
      return Promise.race([never.promise, Bun.sleep(5).then(() => Promise.reject(new Error('given up')))]);
    };
    const told = new Told();
    await builder().build('FROM base\nENV a=b', { cacheImports: [registryCache()] }, told.listener);
    await asked.promise;
    expect(told.failed).toEqual([]);
    expect(told.said.join()).toContain('not needed any more');
  });

  function put(bytes: Buffer) {
    const digest = digestOf(bytes);
    registry.blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  function putManifest(document: object): void {
    registry.manifests.set('reg.test/app:cache', Buffer.from(JSON.stringify(document)));
  }
});

describe('a cache in the image', () => {
  const inline: CacheWish = { type: 'inline', attributes: {} };

  test('is made where it is asked for, by either name, and spares the steps of the image', async () => {
    for (const change of [{ cacheExports: [inline] }, { args: { BUILDKIT_INLINE_CACHE: '1' } }]) {
      const made = builder();
      await made.build('FROM base\nRUN third\nRUN fourth', { ...change, tags: ['app'] });
      expect(Object.keys(made.created.at(-1)?.config ?? {})).toContain(INLINE_CACHE);
      for (const step of [...made.cache.list()]) made.cache.delete(step.key);
      const wish = registryCache({ ref: 'app' });
      await made.build('FROM base\nRUN third\nRUN other', { cacheImports: [wish] });
      expect(made.ran).toEqual(['third', 'fourth', 'other']);
    }
  });

  test('is not made where nobody asks, nor by the classic builder', async () => {
    const made = builder();
    for (const text of ['0', '', 'perhaps']) {
      await made.build('FROM base\nRUN third', { args: { BUILDKIT_INLINE_CACHE: text } });
    }
    await made.build('FROM base\nRUN third', { args: { BUILDKIT_INLINE_CACHE: '1' }, style: 'classic' });
    for (const { config } of made.created) expect(Object.keys(config)).not.toContain(INLINE_CACHE);
  });
});

test.each<[string, Partial<BuildRequest>, string, string]>([
  [
    'gha',
    { cacheExports: [wish('gha')] },
    'unimplemented',
    'cache exporter "gha" is not supported: use registry',
  ],
  [
    's3',
    { cacheImports: [wish('s3')] },
    'unimplemented',
    'cache importer "s3" is not supported: use registry',
  ],
  ['foo', { cacheImports: [wish('foo')] }, 'invalid-argument', 'unknown cache importer: "foo"'],
  [
    'no ref',
    { cacheExports: [wish('registry')] },
    'invalid-argument',
    'registry cache exporter requires ref',
  ],
  ['no dest', { cacheExports: [wish('local')] }, 'invalid-argument', 'local cache exporter requires dest'],
  [
    'no mode',
    { cacheExports: [registryCache({ mode: 'mid' })] },
    'invalid-argument',
    'invalid cache export mode',
  ],
  [
    'Docker types with zstd',
    { cacheExports: [registryCache({ compression: 'zstd', 'oci-mediatypes': 'false' })] },
    'invalid-argument',
    'compression zstd needs oci-mediatypes=true',
  ],
  [
    'no boolean',
    { cacheExports: [registryCache({ 'ignore-error': 'perhaps' })] },
    'invalid-argument',
    'failed to parse ignore-error',
  ],
])('a cache with %s is refused before anything is made', async (_, change, code, message) => {
  const made = builder();
  const error = await made.builder
    .build(background(), made.request('FROM base\nRUN third', change), {})
    .catch((reason: unknown) => reason);
  expect([codeOf(error), messageOf(error)]).toEqual([code as never, expect.stringContaining(message)]);
  expect(made.ran).toEqual([]);
});

test('a cache that cannot be written fails the build, unless that shall not matter', async () => {
  registry.registries.target = () => Promise.reject(new Error('no room'));
  const failing = exported({ cacheExports: [registryCache()] });
  expect(await failing.then(String, messageOf)).toContain('no room');
  await exported({ cacheExports: [registryCache({ 'ignore-error': 'true' })] });
});

function wish(type: string): CacheWish {
  return { type, attributes: {} };
}
