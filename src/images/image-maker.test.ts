import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image.ts';
import type { StoredImages } from './images.ts';
import { stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';

const below = tar({ 'etc/motd': 'hello\n' });
const above = tar({ 'etc/issue': 'upper\n' });

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

function configOf(...layers: Digest[]): ImageConfig {
  return { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: layers } };
}

describe('the maker', () => {
  test('makes an image of layers that came one after the other', async () => {
    using lease = images.maker.leaseLayers(bench.context);
    const layers = [below, above].map((bytes) =>
      images.maker.receiveLayer(bench.context, lease, stream(bytes)),
    );
    const [first, second] = await Promise.all(layers);
    expect([first?.diffId, second?.diffId]).toEqual([digestOf(below), digestOf(above)]);
    const config = configOf(digestOf(below), digestOf(above));
    const image = await images.maker.create(bench.context, {
      config,
      parent: undefined,
      references: ['a', 'b:1'],
    });
    expect(image).toMatchObject({ tags: ['a:latest', 'b:1'], size: below.length + above.length });
    expect(images.get('b:1').id).toBe(image.id);
  });

  test('says whether an image was not here before', async () => {
    using lease = images.maker.leaseLayers(bench.context);
    const { diffId } = await images.maker.receiveLayer(bench.context, lease, stream(below));
    const request = { config: configOf(diffId), parent: undefined, references: [] };
    const manifest = { annotations: {}, encoding: 'gzip' } as const;
    const isNew = async (more: object = {}): Promise<boolean> =>
      (await images.maker.create(bench.context, { ...request, ...more })).isNew;
    expect([await isNew(), await isNew(), await isNew({ manifest })]).toEqual([true, false, false]);
    const other = { config: { ...request.config, author: 'other' }, manifest };
    const both = await Promise.all([isNew(other), isNew(other)]);
    expect(both.sort()).toEqual([false, true]);
  });

  test('makes the manifest that an image is to be pushed with', async () => {
    using lease = images.maker.leaseLayers(bench.context);
    const { diffId } = await images.maker.receiveLayer(bench.context, lease, stream(below));
    const { id, manifest } = await images.maker.create(bench.context, {
      ...{ config: configOf(diffId), parent: undefined, references: ['r.example/app:1'] },
      manifest: { annotations: { 'org.example': 'yes' }, encoding: 'uncompressed' },
    });
    const options = { credentials: undefined, platform: undefined };
    const [pushed] = await images.push(bench.context, 'r.example/app:1', options);
    expect(pushed?.digest).toBe(manifest ?? id);
    const stored = bench.registry.repository('r.example/app').manifests.get('1');
    expect(JSON.parse(Buffer.from(stored?.bytes ?? []).toString())).toMatchObject({
      layers: [{ digest: diffId, size: below.length }],
      annotations: { 'org.example': 'yes' },
    });
  });

  test('keeps what a lease holds, and drops it with the lease', async () => {
    const lease = images.maker.leaseLayers(bench.context);
    const { diffId } = await images.maker.receiveLayer(bench.context, lease, stream(below));
    await images.collect(bench.context);
    expect(await bench.snapshots.hasLayer(diffId)).toBe(true);
    lease[Symbol.dispose]();
    await images.maker.dropLayers(bench.context, []);
    expect(await bench.snapshots.hasLayer(diffId)).toBe(false);
  });

  test('drops no layer that is leased while others are dropped before it', async () => {
    const lease = images.maker.leaseLayers(bench.context);
    for (const bytes of [below, above]) await images.maker.receiveLayer(bench.context, lease, stream(bytes));
    using late = images.maker.leaseLayers(bench.context);
    const remove = bench.snapshots.removeLayer.bind(bench.snapshots);
    bench.snapshots.removeLayer = async (context, diffId) => {
      late.hold(digestOf(above));
      await remove(context, diffId);
    };
    lease[Symbol.dispose]();
    await images.collect(bench.context);
    const left = [below, above].map((bytes) => bench.snapshots.hasLayer(digestOf(bytes)));
    expect(await Promise.all(left)).toEqual([false, true]);
  });

  test('refuses an image of a layer that is not here', async () => {
    const config = configOf(digestOf(below));
    const making = images.maker.create(bench.context, { config, parent: undefined, references: [] });
    await expect(making).rejects.toThrow(`layer ${digestOf(below)} does not exist`);
  });
});
