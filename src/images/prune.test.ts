import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../oci/digest.ts';
import type { Image } from './contract.ts';
import type { StoredImages } from './images.ts';
import { configOf, savedArchive, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import { layoutOf } from './testing/layout.ts';

const lower = tar({ 'etc/motd': 'hello\n' });
const upper = tar({ 'etc/issue': 'upper\n' });
const plain = { platform: undefined };
const all = { filter: () => true };
const dangling = { filter: (image: Image) => image.tags.length === 0 };

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

async function load(layers: readonly Uint8Array[], ...tags: string[]): Promise<Image> {
  await images.load(bench.context, stream(savedArchive(layers, tags)), plain);
  return images.get(tags[0] ?? digestOf(configOf(layers)));
}

describe('prune', () => {
  test('removes what the filter takes, and tells the lines and the bytes', async () => {
    await load([lower], 'kept:1');
    const { id } = await load([lower, upper]);
    const before = await images.usage(bench.context);
    const { items, bytes } = await images.prune(bench.context, dangling);
    expect(items).toContainEqual({ Deleted: id });
    expect(images.list().map(({ tags }) => tags)).toEqual([['kept:1']]);
    expect(bytes).toBe(before.total - (await images.usage(bench.context)).total);
    expect(bytes).toBeGreaterThan(upper.length);
    expect(bench.events.slice(-2)).toEqual([`delete ${id}`, 'prune undefined']);
  });

  test('takes all names of an image', async () => {
    await load([lower], 'a:1', 'a:2', 'b:1');
    await images.prune(bench.context, all);
    expect(images.list()).toEqual([]);
    expect(await Array.fromAsync(bench.content.list())).toEqual([]);
  });

  test('spares what a container uses or what is mounted', async () => {
    await load([lower], 'a:1');
    bench.users = [{ id: 'c'.repeat(64), running: false }];
    expect((await images.prune(bench.context, all)).items).toEqual([]);
    bench.users = [];
    await images.mount(bench.context, 'a:1');
    expect((await images.prune(bench.context, all)).items).toEqual([]);
    await images.unmount(bench.context, 'a:1');
    expect((await images.prune(bench.context, all)).items).not.toEqual([]);
  });

  test('takes children before their parents', async () => {
    const parent = await load([lower], 'parent:1');
    await images.commit(bench.context, {
      ...{ parent: parent.id, layer: stream(upper), config: {}, platform: parent.platform },
      ...{ author: '', comment: '', createdBy: '', created: new Date(), reference: 'child:1' },
    });
    const { items } = await images.prune(bench.context, all);
    expect(items.filter((item) => 'Untagged' in item)).toEqual([
      { Untagged: 'child:1' },
      { Untagged: 'parent:1' },
    ]);
    expect(images.list()).toEqual([]);
  });

  test('drops what pulls left', async () => {
    const partial = await bench.content.partial(bench.context, digestOf('large'));
    await partial.write(Buffer.alloc(10_000));
    await partial[Symbol.asyncDispose]();
    expect((await images.usage(bench.context)).unused).toBeGreaterThan(0);
    await images.prune(bench.context, dangling);
    expect(await images.usage(bench.context)).toEqual({ total: 0, unused: 0, images: new Map() });
  });
});

describe('usage', () => {
  test('tells for each image what it shares', async () => {
    const one = await load([lower], 'one:1');
    const two = await load([lower, upper], 'two:1');
    const { total, unused, images: usage } = await images.usage(bench.context);
    const block = 4_096;
    const layer = 2 * block;
    expect(unused).toBe(0);
    expect(total).toBeGreaterThan(0);
    expect(usage).toEqual(
      new Map([
        [one.id, { shared: layer, unique: block }],
        [two.id, { shared: layer, unique: block + layer }],
      ]),
    );
  });

  test('counts the compressed form of a layer and the manifest', async () => {
    const layout = layoutOf(configOf([lower]), [gzipSync(lower)], 'docker.io/library/app:v1');
    await images.load(bench.context, stream(layout.archive), plain);
    const { images: usage, unused } = await images.usage(bench.context);
    expect(unused).toBe(0);
    expect([...usage.values()]).toEqual([{ shared: 0, unique: 5 * 4_096 }]);
  });

  test('counts as unused what no image needs', async () => {
    await using writer = await bench.content.writer(bench.context);
    await writer.write(upper);
    await writer.commit();
    expect((await images.usage(bench.context)).unused).toBe(4_096);
  });
});

describe('mount', () => {
  test('shows the image at one path until it is unmounted, and keeps it meanwhile', async () => {
    const { id } = await load([lower], 'a:1', 'a:2');
    const mounted = await images.mount(bench.context, 'a:1');
    expect(await images.mount(bench.context, id)).toEqual(mounted);
    expect(images.mounts()).toEqual([mounted]);
    const forced = { force: true, prune: true };
    await expect(images.remove(bench.context, id, forced)).rejects.toThrow(
      `conflict: unable to delete ${id.slice(7, 19)} (cannot be forced) - image is mounted at ${mounted.path}`,
    );
    await images.remove(bench.context, 'a:2', forced);
    await expect(images.remove(bench.context, 'a:1', forced)).rejects.toThrow('image is mounted at');
    expect(await images.unmount(bench.context, 'a:1')).toBe(true);
    expect(await images.unmount(bench.context, 'a:1')).toBe(false);
    await images.remove(bench.context, 'a:1', forced);
    expect(images.list()).toEqual([]);
  });

  test('of an image that is removed meanwhile leaves nothing mounted', async () => {
    await load([lower], 'a:1');
    const mounting = images.mount(bench.context, 'a:1');
    await images.remove(bench.context, 'a:1', { force: true, prune: true });
    await expect(mounting).rejects.toThrow('No such image');
    expect(images.mounts()).toEqual([]);
  });
});
