import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync, zstdDecompressSync } from 'node:zlib';
import { codeOf } from '../base/errors.ts';
import { decompress } from '../oci/compression.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { LayerEncoding, LayerLease, LayerOffer } from './contract.ts';
import type { StoredImages } from './images.ts';
import { ImageBench } from './testing/image-bench.ts';
import { tarWith } from './testing/pull-bench.ts';

let bench: ImageBench;
let images: StoredImages;
let lease: LayerLease;
const tar = tarWith(Buffer.from('what the layer holds '.repeat(100)));
const diffId = digestOf(tar);

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
  lease = images.maker.leaseLayers(bench.context);
});
afterEach(() => bench[Symbol.dispose]());

function offerOf(bytes: Uint8Array, opened: number[] = [], layer: Digest = diffId): LayerOffer {
  return {
    descriptor: { digest: digestOf(bytes), size: bytes.length, mediaType: mediaTypes.ociLayerGzip },
    ...{ diffId: layer, place: undefined },
    async *open(_context, { offset }) {
      opened.push(offset);
      yield bytes.subarray(offset);
    },
  };
}

describe('a layer that is offered', () => {
  test('is brought once, and stays as long as it is leased', async () => {
    const opened: number[] = [];
    const offer = offerOf(gzipSync(tar), opened);
    await images.exchange.bring(bench.context, lease, offer);
    await images.exchange.bring(bench.context, lease, offer);
    expect([await bench.snapshots.hasLayer(diffId), opened]).toEqual([true, [0]]);
    await images.collect(bench.context);
    expect(await bench.snapshots.hasLayer(diffId)).toBe(true);
    lease[Symbol.dispose]();
    await images.collect(bench.context);
    expect(await bench.snapshots.hasLayer(diffId)).toBe(false);
  });

  test('is refused when it is another one than it is said to be', async () => {
    const other = offerOf(gzipSync(tarWith(Buffer.from('other'))));
    expect(await codeOfBringing(other)).toBe('data-loss');
    const cut = offerOf(gzipSync(tar));
    expect(await codeOfBringing({ ...cut, open: offerOf(gzipSync(tar).subarray(0, 99)).open })).not.toBe('');
    expect(await bench.snapshots.hasLayer(diffId)).toBe(false);
  });

  test('has to be had by whoever offers it, though one of its name is here', async () => {
    await images.maker.receiveLayer(bench.context, lease, chunks(tar));
    expect(await codeOfBringing(offerOf(gzipSync(tarWith(Buffer.from('other')))))).toBe('data-loss');
  });
});

describe('a form of a layer', () => {
  test.each<LayerEncoding>(['uncompressed', 'gzip', 'zstd'])(
    'that is %s says the same each time',
    async (encoding) => {
      await images.maker.receiveLayer(bench.context, lease, chunks(tar));
      const form = await images.exchange.form(bench.context, lease, diffId, encoding);
      expect(await images.exchange.form(bench.context, lease, diffId, encoding)).toEqual(form);
      const bytes = Buffer.concat(await Array.fromAsync(images.exchange.read(form, 0)));
      expect([digestOf(bytes), bytes.length]).toEqual([form.digest, form.size]);
      expect(Buffer.concat(await Array.fromAsync(decompress(chunks(bytes)))).equals(tar)).toBe(true);
      if (encoding === 'zstd') expect(zstdDecompressSync(bytes).equals(tar)).toBe(true);
    },
  );

  test('is the one that it came in', async () => {
    const bytes = gzipSync(tar, { level: 1 });
    await images.exchange.bring(bench.context, lease, offerOf(bytes));
    expect((await images.exchange.form(bench.context, lease, diffId, 'gzip')).digest).toBe(digestOf(bytes));
  });

  test('is not to be had of what is not here', async () => {
    for (const encoding of ['uncompressed', 'gzip'] as const) {
      const error = await images.exchange.form(bench.context, lease, diffId, encoding).catch(codeOf);
      expect(error).toBe('not-found');
    }
  });
});

function codeOfBringing(offer: LayerOffer): Promise<string> {
  return images.exchange.bring(bench.context, lease, offer).then(() => '', codeOf);
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
