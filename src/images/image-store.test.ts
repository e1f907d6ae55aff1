import type { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import { MemoryContentStore } from '../content/memory-store.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { type ImageRecord, ImageStore } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';
import { imagesSchema } from './schema.ts';
import { foreign, host } from './testing/indexed.ts';

const content = new MemoryContentStore();
let database: Database;
let store: ImageStore;

beforeEach(async () => {
  database = openDatabase(':memory:', [imagesSchema]);
  store = await ImageStore.open(database, content);
});
afterEach(() => database.close());

async function put(text: string): Promise<Digest> {
  await using writer = await content.writer(background());
  await writer.write(Buffer.from(text));
  return (await writer.commit()).digest;
}

async function add(platform: Platform): Promise<ImageRecord> {
  const config = { ...platform, rootfs: { type: 'layers' as const, diff_ids: [] } };
  const none = { layerSizes: [], parent: undefined, manifest: undefined, lastTagged: undefined };
  const record = { id: await put(JSON.stringify(config)), config, ...none };
  store.add(record);
  return record;
}

/** An index of both platforms, of which the images given are known. */
async function indexOf(...known: readonly (ImageRecord | undefined)[]): Promise<IndexRecord> {
  const manifests = [foreign, host].map((platform, position) => ({
    descriptor: { mediaType: 'a/b', digest: digestOf(platform.architecture), size: 1, platform },
    ...{ kind: 'image' as const, image: known[position]?.id, blobs: undefined },
  }));
  return { digest: await put('index'), mediaType: 'a/index', size: 5, manifests };
}

test('an index keeps what was known of it when it is entered by somebody who knows something else', async () => {
  const [one, other] = [await add(foreign), await add(host)];
  store.putIndex(await indexOf(one, undefined));
  store.setIndexReference('r.example/app:1', store.putIndex(await indexOf(undefined, other)));
  const named = store.indexOf('r.example/app:1');
  expect(named && store.imagesOf(named).map(({ id }) => id)).toEqual([one.id, other.id]);
});

test('a name for an index finds the image that suits the host as soon as it is there, and another when it goes', async () => {
  const one = await add(foreign);
  store.setIndexReference('r.example/app:1', store.putIndex(await indexOf(one)));
  expect(store.resolve('r.example/app:1')?.id).toBe(one.id);
  const other = await add(host);
  store.putIndex(await indexOf(one, other));
  expect([store.resolve('r.example/app:1')?.id, store.listedAs(one.id)]).toEqual([other.id, other.id]);
  store = await ImageStore.open(database, content);
  expect([store.resolve('r.example/app:1')?.id, store.listedAs(one.id)]).toEqual([other.id, other.id]);
  store.remove(other.id);
  expect([store.resolve('r.example/app:1')?.id, store.listedAs(one.id)]).toEqual([one.id, undefined]);
  store = await ImageStore.open(database, content);
  expect(store.resolve('r.example/app:1')?.id).toBe(one.id);
});

test('an index whose document is gone is forgotten, and its names stay with the image that they find', async () => {
  const [one, other] = [await add(foreign), await add(host)];
  const index = await indexOf(one, other);
  store.setIndexReference('r.example/app:1', store.putIndex(index));
  await content.delete(index.digest);
  store = await ImageStore.open(database, content);
  expect([store.resolve('r.example/app:1')?.id, store.indexOf('r.example/app:1')]).toEqual([
    other.id,
    undefined,
  ]);
});
