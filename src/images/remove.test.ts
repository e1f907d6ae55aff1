import { afterEach, beforeEach, expect, test } from 'bun:test';
import fc from 'fast-check';
import { openDatabase } from '../base/database.ts';
import { MemoryContentStore } from '../content/memory-store.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { chainIds } from './config.ts';
import { ImageLedger } from './image-ledger.ts';
import { type ImageRecord, ImageStore } from './image-store.ts';
import { pruneImages } from './prune.ts';
import { type ImageHolders, removeImage } from './remove.ts';
import { imagesSchema } from './schema.ts';

const holders: ImageHolders = { containersOf: () => [], mountOf: () => undefined };
const digest = (text: string): Digest => digestOf(new TextEncoder().encode(text));

let store: ImageStore;
beforeEach(async () => {
  store = await ImageStore.open(openDatabase(':memory:', [imagesSchema]), new MemoryContentStore());
});
afterEach(() => {
  for (const { id } of [...store.all()]) store.remove(id);
});

function add(name: string, layers: readonly string[], parent?: ImageRecord): ImageRecord {
  const diff_ids = layers.map(digest);
  const config = { architecture: '', os: 'linux', rootfs: { type: 'layers' as const, diff_ids } };
  const none = { layerSizes: [], manifest: undefined, lastTagged: undefined };
  const record = { id: digest(name), config, parent: parent?.id, ...none };
  store.add(record);
  return record;
}

test('a removal names the layers that no other image has in the same order, topmost first', () => {
  const stacks = fc.array(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(stacks, (layers) => {
      const [removed, ...others] = layers.map((stack, position) => add(`image ${position}`, stack));
      if (removed === undefined) return;
      const kept = new Set(others.flatMap(({ config }) => chainIds(config.rootfs.diff_ids)));
      const gone = chainIds(removed.config.rootfs.diff_ids).filter((chain) => !kept.has(chain));
      const { items } = removeImage(store, holders, removed.id, { force: false, prune: false });
      expect(items).toEqual([removed.id, ...gone.toReversed()].map((Deleted) => ({ Deleted })));
      for (const { id } of others) store.remove(id);
    }),
  );
});

test('an image that others were made from goes after the last of them', () => {
  const parent = add('parent', ['a']);
  const children = ['one', 'two'].map((name) => add(name, ['a', name], parent));
  const remove = (id: Digest) => removeImage(store, holders, id, { force: true, prune: false });
  for (const { id } of children) {
    expect(() => remove(parent.id)).toThrow('image has dependent child images');
    remove(id);
  }
  expect(remove(parent.id).deleted).toEqual([parent]);
});

test('a reference belongs to the image that it was last given to', () => {
  const [one, other] = [add('one', []), add('other', [])];
  store.setReference('docker.io/library/app:1', one.id);
  store.setReference('docker.io/library/app:1', other.id);
  expect([store.referencesOf(one.id), store.referencesOf(other.id)]).toEqual([
    [],
    ['docker.io/library/app:1'],
  ]);
  store.remove(other.id);
  expect([...store.references()]).toEqual([]);
});

test('thousands of images are pruned with a few steps for each', () => {
  const layers = Array.from({ length: 200 }, (_, layer) => `layer ${layer}`);
  for (let image = 0; image < 2_000; image++) add(`image ${image}`, layers);
  // With all chains hashed for each removal it takes hours.
  const ledger = new ImageLedger(store, new MemoryContentStore(), { publish: () => {} });
  expect(pruneImages(store, ledger, holders, () => true)).toHaveLength(2_000);
});
