import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { background } from '../base/context.ts';
import { codeOf } from '../base/errors.ts';
import { failure } from '../distribution/testing/registry-double.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { LayerProgress } from './contract.ts';
import type { StoredImages } from './images.ts';
import { PullBench, tarWith } from './testing/pull-bench.ts';

const context = background();
let bench: PullBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new PullBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.asyncDispose]());

const tar = tarWith(randomBytes(300_000));
const compressed = gzipSync(tar);

/** An image of layers of these compressed bytes, as "app:latest". */
function addImage(layers: readonly Uint8Array[], diffIds: readonly Digest[]): Descriptor[] {
  const descriptors = layers.map((bytes) => bench.registry.addBlob(bytes, mediaTypes.ociLayerGzip));
  bench.registry.addImage('app', 'latest', descriptors, diffIds);
  return descriptors;
}

/** One layer of `compressed`. */
function addOne(): Descriptor {
  const [layer] = addImage([compressed], [digestOf(tar)]);
  if (layer === undefined) throw new Error('there is one');
  return layer;
}

async function leaveAfter(layer: Descriptor, bytes: number): Promise<void> {
  const stop = new AbortController();
  const stalled = bench.stallAfter(layer, bytes);
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  const onLayer = ({ step, current }: LayerProgress): void => {
    if (step === 'receiving' && current >= bytes) resolve();
  };
  const pulling = bench.pull(images, 'app', { signal: stop.signal, onLayer });
  pulling.catch(() => {});
  await stalled;
  await arrived;
  stop.abort(new Error('given up'));
  await expect(pulling).rejects.toThrow('given up');
  bench.registry.intercept = () => undefined;
}

const isWhole = async ({ digest }: Descriptor): Promise<void> => {
  expect(await bench.content.readAll(digest, compressed.length)).toEqual(Buffer.from(compressed));
  expect(await bench.content.readAll(digestOf(tar), tar.length)).toEqual(tar);
  expect((await bench.content.usage()).partials).toBe(0);
};

describe('a pull', () => {
  test.each([
    ['that was given up', false],
    ['of an earlier daemon', true],
  ])('goes on where one %s was left', async (_, reopen) => {
    const layer = addOne();
    await leaveAfter(layer, 100_000);
    expect(images.list()).toEqual([]);
    if (reopen) images = await bench.open();
    const seen: number[] = [];
    const onLayer = ({ step, current }: LayerProgress) => void (step === 'receiving' && seen.push(current));
    await bench.pull(images, 'app', { onLayer });
    expect(bench.rangesOf(layer)).toEqual(['all', 'bytes=100000-']);
    expect([seen[0], seen.at(-1)]).toEqual([100_000, layer.size]);
    await isWhole(layer);
  });

  test('asks for no byte twice, wherever connections break', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: compressed.length - 1 }), { maxLength: 6 }), async (cuts) => {
        await using own = new PullBench();
        const all = await own.open();
        const layer = own.registry.addBlob(compressed, mediaTypes.ociLayerGzip);
        own.registry.addImage('app', 'latest', [layer], [digestOf(tar)]);
        let served = 0;
        const pending = cuts.toSorted((a, b) => a - b);
        own.registry.intercept = async (request, url) => {
          if (!url.pathname.endsWith(layer.digest)) return own.registry.serve(request, url);
          const answer = own.registry.serve(request, url);
          const bytes = await answer.bytes();
          const start = layer.size - bytes.length;
          const end = pending.shift() ?? layer.size;
          const sent = bytes.subarray(0, Math.max(0, end - start));
          served += sent.length;
          return new Response(new Blob([sent]).stream(), { status: answer.status, headers: answer.headers });
        };
        for (let tries = 0; all.list().length === 0 && tries < 10; tries++) {
          await own.pull(all, 'app').catch(() => {});
        }
        expect(all.list()).toHaveLength(1);
        expect(served).toBe(layer.size);
        expect(await own.content.readAll(layer.digest, layer.size)).toEqual(Buffer.from(compressed));
      }),
      { numRuns: 25 },
    );
  });

  test('that failed leaves its finished layers to the next one', async () => {
    const other = tarWith(randomBytes(1_000));
    const [first, second] = addImage([compressed, gzipSync(other)], [digestOf(tar), digestOf(other)]);
    if (first === undefined || second === undefined) throw new Error('there are two');
    bench.maxConcurrentDownloads = 1;
    bench.registry.intercept = (_, url) =>
      url.pathname.endsWith(second.digest) ? failure(404, 'BLOB_UNKNOWN', 'gone') : undefined;
    await expect(bench.pull(images, 'app')).rejects.toThrow();
    expect((await bench.content.usage()).blobs).toBe(0);
    expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([]);
    bench.registry.intercept = () => undefined;
    await bench.pull(images, 'app');
    expect(bench.rangesOf(first)).toEqual(['all']);
    await isWhole(first);
  });

  test.each([
    ['of other bytes', randomBytes(50_000)],
    ['that ends in other bytes', Buffer.concat([compressed.subarray(0, 50_000), randomBytes(5_000)])],
    ['with all bytes, but the last one wrong', Buffer.concat([compressed.subarray(0, -1), Buffer.of(7)])],
    ['that is too long', Buffer.concat([compressed, Buffer.alloc(10)])],
  ])('drops a partial %s and asks once more', async (_, bytes) => {
    const layer = addOne();
    {
      await using partial = await bench.content.partial(context, layer.digest);
      await partial.write(bytes);
    }
    await bench.pull(images, 'app');
    expect(bench.rangesOf(layer).at(-1)).toBe('all');
    expect(bench.rangesOf(layer).length).toBeLessThanOrEqual(2);
    await isWhole(layer);
  });

  test('asks only once for a layer that is bad in the registry itself', async () => {
    const [layer] = addImage([gzipSync(Buffer.alloc(2_000, 'x'))], [digestOf('x')]);
    const error = await bench.pull(images, 'app').catch((reason) => reason);
    expect(codeOf(error)).toBe('invalid-argument');
    expect(layer && bench.rangesOf(layer)).toEqual(['all']);
    expect(await bench.content.usage()).toEqual({ blobs: 0, partials: 0 });
  });

  test('has what a registry truncates kept, and tells that it tries again', async () => {
    const layer = addOne();
    bench.registry.intercept = (request, url) =>
      url.pathname.endsWith(layer.digest) && !request.headers.has('range')
        ? new Response(new Blob([compressed.subarray(0, 70_000)]).stream())
        : undefined;
    const steps: LayerProgress[] = [];
    await bench.pull(images, 'app', { onLayer: (progress) => steps.push(progress) });
    expect(bench.rangesOf(layer)).toEqual(['all', 'bytes=70000-']);
    const retry = steps.find(({ step }) => step === 'retrying');
    expect([retry?.current, retry?.seconds]).toEqual([70_000, 1]);
    await isWhole(layer);
  });

  test('brings a layer in every compression that manifests name, each once, and makes it once', async () => {
    const one = bench.registry.addBlob(compressed);
    const two = bench.registry.addBlob(zstdCompressSync(tar));
    bench.registry.addImage('one', 'latest', [one], [digestOf(tar)]);
    bench.registry.addImage('two', 'latest', [two], [digestOf(tar)]);
    await Promise.all([bench.pull(images, 'one'), bench.pull(images, 'two'), bench.pull(images, 'two')]);
    await bench.pull(images, 'one');
    for (const layer of [one, two]) {
      expect(bench.rangesOf(layer)).toEqual(['all']);
      expect((await bench.content.stat(layer.digest))?.size).toBe(layer.size);
      expect(bench.forms.get(layer.digest)?.diffId).toBe(digestOf(tar));
    }
    await isWhole(one);
  });

  test('believes no manifest that a blob is a layer which is here', async () => {
    addOne();
    await bench.pull(images, 'app');
    const other = bench.registry.addBlob(gzipSync(tarWith(Buffer.from('other'))));
    bench.registry.addImage('liar', 'latest', [other], [digestOf(tar)]);
    expect(codeOf(await bench.pull(images, 'liar').catch((error) => error))).toBe('data-loss');
    expect(bench.forms.get(other.digest)).toBeUndefined();
    expect(await bench.content.stat(other.digest)).toBeUndefined();
  });

  test('gives up the partial only when the layer is made: a daemon that dies in between has all bytes at its next try', async () => {
    const layer = addOne();
    const isMade: Promise<boolean>[] = [];
    const onLayer = ({ step }: LayerProgress): void => {
      if (step === 'received') isMade.push(bench.snapshots.hasLayer(digestOf(tar)));
    };
    await bench.pull(images, 'app', { onLayer });
    expect(await Promise.all(isMade)).toEqual([true]);
    await isWhole(layer);
  });

  test('uses a compressed blob that is here without its layer', async () => {
    const layer = addOne();
    await using writer = await bench.content.writer(context);
    await writer.write(compressed);
    using lease = bench.content.lease();
    await writer.commit({}, lease);
    await bench.pull(images, 'app');
    expect(bench.rangesOf(layer)).toEqual([]);
    await isWhole(layer);
  });

  test('of an uncompressed layer keeps one blob', async () => {
    const layer = bench.registry.addBlob(tar, mediaTypes.ociLayer);
    bench.registry.addImage('app', 'latest', [layer]);
    await leaveAfter(layer, 120_000);
    const { image } = await bench.pull(images, 'app');
    expect(bench.rangesOf(layer)).toEqual(['all', 'bytes=120000-']);
    const { size } = (await bench.content.stat(image.id)) ?? { size: 0 };
    const { size: manifest } = (await bench.content.stat(image.manifest ?? image.id)) ?? { size: 0 };
    expect(await bench.content.usage()).toEqual({ blobs: tar.length + size + manifest, partials: 0 });
    expect(bench.forms.get(layer.digest)?.diffId).toBe(layer.digest);
  });

  test.each([
    ['that was given up', false],
    ['of an earlier daemon', true],
  ])('does not fetch an uncompressed layer again that one %s had received', async (_, reopen) => {
    const layer = bench.registry.addBlob(tar);
    bench.registry.addImage('app', 'latest', [layer]);
    const stop = new AbortController();
    const { unpack } = bench.snapshots;
    bench.snapshots.unpack = async () => {
      // A daemon that dies here does not sweep.
      if (reopen) bench.content.collect = () => Promise.reject(new Error('dead'));
      stop.abort(new Error('given up'));
      stop.signal.throwIfAborted();
    };
    const { collect } = bench.content;
    await expect(bench.pull(images, 'app', { signal: stop.signal })).rejects.toThrow(
      reopen ? 'dead' : 'given up',
    );
    Object.assign(bench.snapshots, { unpack });
    Object.assign(bench.content, { collect });
    if (reopen) images = await bench.open();
    expect(await bench.content.usage()).toEqual({ blobs: 0, partials: tar.length });
    await bench.pull(images, 'app');
    expect(bench.rangesOf(layer)).toEqual(['all']);
    expect(await bench.content.readAll(layer.digest, tar.length)).toEqual(tar);
  });

  test('keeps nothing of an uncompressed layer that is no tar', async () => {
    bench.registry.addImage('app', 'latest', [bench.registry.addBlob(Buffer.alloc(2_000, 'x'))]);
    await expect(bench.pull(images, 'app')).rejects.toThrow();
    expect(await bench.content.usage()).toEqual({ blobs: 0, partials: 0 });
  });

  test('receives so many layers at a time as the daemon may, over all pulls', async () => {
    bench.maxConcurrentDownloads = 2;
    const layers = Array.from({ length: 8 }, () => bench.registry.addBlob(tarWith(randomBytes(100))));
    bench.registry.addImage('one', 'latest', layers.slice(0, 4));
    bench.registry.addImage('two', 'latest', layers.slice(4));
    let [now, most] = [0, 0];
    bench.registry.intercept = async (request, url) => {
      if (!layers.some(({ digest }) => url.pathname.endsWith(digest)))
        return bench.registry.serve(request, url);
      most = Math.max(most, ++now);
      await Bun.sleep(5);
      now--;
      return bench.registry.serve(request, url);
    };
    const steps: string[] = [];
    const onLayer = ({ step }: LayerProgress) => void steps.push(step);
    await Promise.all([bench.pull(images, 'one', { onLayer }), bench.pull(images, 'two', { onLayer })]);
    expect(most).toBe(2);
    expect(steps.filter((step) => step === 'waiting').length).toBeGreaterThanOrEqual(4);
  });
});

describe('what a pull kept', () => {
  test('stays as long as its layer, and goes with it', async () => {
    const layer = addOne();
    bench.registry.addImage(
      'other',
      'latest',
      [layer, bench.registry.addBlob(tarWith(Buffer.from('x')))],
      [digestOf(tar), digestOf(tarWith(Buffer.from('x')))],
    );
    await bench.pull(images, 'app');
    await bench.pull(images, 'other');
    expect(bench.forms.placesOf(layer.digest).map((place) => place.split('/')[1])).toEqual(['app', 'other']);
    await images.remove(context, `${bench.registry.host}/app`, { force: false, prune: true });
    await images.collect(context);
    await isWhole(layer);
    await images.remove(context, `${bench.registry.host}/other`, { force: false, prune: true });
    expect(await bench.content.usage()).toEqual({ blobs: 0, partials: 0 });
    expect(bench.forms.get(layer.digest)).toBeUndefined();
    expect(bench.forms.placesOf(layer.digest)).toEqual([]);
  });

  test('of an image that is removed during another pull goes after it', async () => {
    addOne();
    await bench.pull(images, 'app');
    const other = bench.registry.addBlob(gzipSync(tarWith(randomBytes(200_000))));
    bench.registry.addImage('other', 'latest', [other]);
    const stop = new AbortController();
    const stalled = bench.stallAfter(other, 10_000);
    const pulling = bench.pull(images, 'other', { signal: stop.signal });
    pulling.catch(() => {});
    await stalled;
    await images.remove(context, `${bench.registry.host}/app`, { force: false, prune: true });
    stop.abort(new Error('given up'));
    await expect(pulling).rejects.toThrow('given up');
    const { blobs, partials } = await bench.content.usage();
    expect([blobs, partials <= 10_000]).toEqual([0, true]);
  });

  test('stays while somebody reads it', async () => {
    const layer = addOne();
    await bench.pull(images, 'app');
    {
      using lease = bench.content.lease();
      lease.hold(layer.digest);
      await images.remove(context, `${bench.registry.host}/app`, { force: false, prune: true });
      expect(await bench.content.stat(layer.digest)).toBeDefined();
    }
    await images.collect(context);
    expect((await bench.content.usage()).blobs).toBe(0);
  });

  test('of a disk that was full goes at once', async () => {
    const layer = addOne();
    await leaveAfter(layer, 100_000);
    expect((await bench.content.usage()).partials).toBe(100_000);
    bench.snapshots.receive = () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    await expect(bench.pull(images, 'app')).rejects.toThrow('no space left on device');
    expect(await bench.content.usage()).toEqual({ blobs: 0, partials: 0 });
  });
});
