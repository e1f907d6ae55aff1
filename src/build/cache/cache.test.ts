import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { background } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { conflict } from '../../base/errors.ts';
import type { Image } from '../../images/contract.ts';
import { type Digest, digestOf, hexOf } from '../../oci/digest.ts';
import type { CachePruneOptions, CacheRecord } from '../contract.ts';
import { buildSchema } from '../schema.ts';
import { StepCache } from '../solver/step-cache.ts';
import { CacheKeeper } from './cache-keeper.ts';
import { selectForPruning } from './select-for-pruning.ts';

function record(id: string, change: Partial<CacheRecord> = {}): CacheRecord {
  return {
    ...{ id, parents: [], type: 'regular', description: '', inUse: false, shared: false, size: 10 },
    ...{ created: new Date(0), lastUsed: undefined, uses: 0 },
    ...change,
  };
}

const everything: CachePruneOptions = {
  ...{ all: false, reservedSpace: 0, maxUsedSpace: 0, minFreeSpace: 0, filter: () => true },
};

function selected(
  records: readonly CacheRecord[],
  change: Partial<CachePruneOptions> = {},
  free = 1000,
): string[] {
  return selectForPruning(records, { ...everything, ...change }, free).map(({ id }) => id);
}

describe('what is pruned', () => {
  const old = record('old', { lastUsed: new Date(10) });
  const older = record('older', { created: new Date(5) });
  const used = record('used', { inUse: true });
  const shared = record('shared', { shared: true, created: new Date(1) });
  const all = [old, older, used, shared];

  test('is what nobody uses, least recently used first; what images have too only with the rest of all', () => {
    expect(selected(all)).toEqual(['older', 'old']);
    expect(selected(all, { all: true })).toEqual(['shared', 'older', 'old']);
    expect(selected(all, { filter: ({ id }) => id === 'old' })).toEqual(['old']);
  });

  test('is as little as the limits want', () => {
    expect(selected(all, { reservedSpace: 20 })).toEqual(['older']);
    expect(selected(all, { reservedSpace: 30 })).toEqual([]);
    expect(selected(all, { maxUsedSpace: 15 })).toEqual(['older', 'old']);
    expect(selected(all, { maxUsedSpace: 15, reservedSpace: 25 })).toEqual(['older']);
    expect(selected(all, { minFreeSpace: 1005 })).toEqual(['older']);
    expect(selected(all, { minFreeSpace: 1000 })).toEqual([]);
    expect(selected(all, { minFreeSpace: 2000, reservedSpace: 15 })).toEqual(['older', 'old']);
  });

  test('leaves no more than may be used, if there is enough that may go', () => {
    const records = fc.array(fc.record({ size: fc.nat(100), inUse: fc.boolean(), time: fc.nat(100) }));
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 500 }), (list, maxUsedSpace) => {
        const made = list.map(({ time, ...each }, index) =>
          record(`${index}`, { ...each, created: new Date(time) }),
        );
        const gone = new Set(selected(made, { maxUsedSpace }));
        const left = made.filter(({ id }) => !gone.has(id));
        const bytes = left.reduce((sum, { size }) => sum + size, 0);
        const canGo = left.some(({ inUse, size }) => !inUse && size > 0);
        expect(bytes <= maxUsedSpace || !canGo).toBe(true);
        expect(left.filter(({ inUse }) => inUse)).toHaveLength(made.filter(({ inUse }) => inUse).length);
      }),
    );
  });
});

const layer = (text: string): Digest => digestOf(text);

class Shelf {
  readonly cache = new StepCache(openDatabase(':memory:', [buildSchema]));
  readonly dropped: Digest[] = [];
  readonly removed: string[] = [];
  readonly keeper: CacheKeeper;

  constructor() {
    const image = { config: { rootfs: { diff_ids: [layer('of an image')] } } } as unknown as Image;
    this.keeper = new CacheKeeper({
      cache: this.cache,
      images: { list: () => [image] },
      imageMaker: { dropLayers: async (_context, layers) => void this.dropped.push(...layers) },
      diskSize: async () => 4,
      freeSpace: async () => 1000,
      mounts: {
        list: async () => [
          record('mount', { type: 'exec.cachemount' }),
          record('busy', { type: 'exec.cachemount' }),
        ],
        remove: async (id) => {
          if (id === 'busy') throw conflict('in use');
          this.removed.push(id);
          return 7;
        },
      },
      contexts: {
        list: async () => [{ key: 'context', size: 3, lastUsed: new Date(0) }],
        remove: async (key) => this.removed.push(key) > 0,
      },
      sources: {
        list: () => [record('download', { type: 'source.http', size: 5 })],
        remove: (id) => this.removed.push(id) > 0,
      },
    });
  }

  add(name: string, layers: readonly Digest[], parents: readonly Digest[] = []): Digest {
    const key = digestOf(name);
    this.cache.add({ key, layers, parents, description: name, type: 'regular', size: 1 });
    return key;
  }
}

describe('the build cache', () => {
  test('lists steps, mounts, contexts and downloads with what they take on disk', async () => {
    const shelf = new Shelf();
    const one = shelf.add('one', [layer('1'), layer('2')]);
    const two = shelf.add('two', [layer('of an image')], [one]);
    using _use = shelf.keeper.using(new Set([two]));
    expect(await shelf.keeper.list()).toMatchObject([
      { id: hexOf(one), parents: [], description: 'one', size: 8, shared: false, inUse: false },
      { id: hexOf(two), parents: [hexOf(one)], size: 4, shared: true, inUse: true },
      ...[{ id: 'mount' }, { id: 'busy' }, { id: 'context', type: 'source.local', size: 3 }],
      { id: 'download', type: 'source.http', size: 5 },
    ]);
  });

  test('forgets steps and drops their layers, but not what a build has to do with', async () => {
    const shelf = new Shelf();
    const one = shelf.add('one', [layer('1')]);
    const two = shelf.add('two', [layer('of an image')]);
    const three = shelf.add('three', [layer('3')]);
    using _use = shelf.keeper.using(new Set([three]));
    const { deleted, bytes } = await shelf.keeper.prune(background(), { ...everything, all: true });
    expect(deleted.toSorted()).toEqual([hexOf(one), hexOf(two), 'mount', 'context', 'download'].sort());
    expect(bytes).toBe(4 + 0 + 7 + 3 + 5);
    expect([...shelf.cache.list()].map(({ key }) => key)).toEqual([three]);
    expect(shelf.dropped.sort()).toEqual([layer('1'), layer('of an image')].sort());
    expect(shelf.removed.sort()).toEqual(['context', 'download', 'mount']);
  });
});
