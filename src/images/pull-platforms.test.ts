import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { background } from '../base/context.ts';
import type { Descriptor, Platform } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { PulledImage } from './contract.ts';
import type { StoredImages } from './images.ts';
import { host } from './testing/indexed.ts';
import { PullBench, tarWith } from './testing/pull-bench.ts';

const context = background();
const foreign = { os: 'linux', architecture: 's390x' };

let bench: PullBench;
let images: StoredImages;
let name: string;

beforeEach(async () => {
  bench = new PullBench();
  images = await bench.open();
  name = `${bench.registry.host}/app:latest`;
});
afterEach(() => bench[Symbol.asyncDispose]());

/** "app:latest" in the registry: an index of images for this host and for another. */
function publish(content: string): Descriptor {
  const [one, other] = [host, foreign].map((platform) => {
    const layer = bench.registry.addBlob(tarWith(Buffer.from(content + platform.architecture)));
    return { ...bench.registry.addImage('app', undefined, [layer], undefined, platform), platform };
  });
  if (one === undefined || other === undefined) throw new Error('there are no manifests');
  return bench.registry.addIndex('app', 'latest', [one, other]);
}

function pull(platform: Platform, reference = name): Promise<PulledImage> {
  return images.pull(context, reference, { platform, credentials: undefined });
}

describe('a pull of one platform', () => {
  test.each([
    [host, foreign],
    [foreign, host],
  ])('leaves under the name what came before of the same index', async (first, second) => {
    publish('a');
    const one = await pull(first);
    const other = await pull(second);
    expect([one.isNew, other.isNew, (await pull(first)).isNew]).toEqual([true, true, false]);
    expect(other.image.id).not.toBe(one.image.id);
    expect(images.get(name).platform).toMatchObject(host);
    images = await bench.open();
    expect(images.get(name, first).id).toBe(one.image.id);
    expect(images.get(name, second).id).toBe(other.image.id);
  });

  test('alone is what the name finds, whatever the host', async () => {
    publish('a');
    const { image, digest } = await pull(foreign);
    expect(images.get(name).id).toBe(image.id);
    expect(images.get(`${bench.registry.host}/app@${digest}`).id).toBe(image.id);
    expect(images.find(name, host)).toBeUndefined();
  });

  test('of another index takes the name from both of the first', async () => {
    publish('a');
    const before = [await pull(host), await pull(foreign)].map(({ image }) => image.id);
    const { digest } = publish('b');
    const { image } = await pull(host);
    expect([images.get(name).id, images.find(name, foreign)]).toEqual([image.id, undefined]);
    for (const id of before) {
      expect(images.get(id)).toMatchObject({ tags: [], digests: [expect.not.stringContaining(digest)] });
    }
  });

  test('finds again what is here under the digest of the index alone', async () => {
    const { digest } = publish('a');
    const reference = `${bench.registry.host}/app@${digest}`;
    await pull(host, reference);
    expect((await pull(foreign, reference)).isNew).toBe(true);
    expect(images.get(reference, foreign).platform).toMatchObject(foreign);
    await images.remove(context, reference, { force: false, prune: true });
    expect(images.list()).toEqual([]);
    expect(await Array.fromAsync(bench.content.list())).toEqual([]);
  });

  test('by an index that is out of order finds its image, which the name then means alone', async () => {
    const layer = bench.registry.addBlob(tarWith(Buffer.from('a')));
    const manifest = {
      ...bench.registry.addImage('app', undefined, [layer], undefined, host),
      platform: host,
    };
    const broken = { ...manifest, platform: foreign, annotations: { a: 1 } };
    bench.registry.addManifest(
      'app',
      'latest',
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [manifest, broken] },
      mediaTypes.ociIndex,
    );
    const { image } = await pull(host);
    expect(images.get(name).id).toBe(image.id);
    expect((await images.manifests(context, name)).manifests).toHaveLength(1);
    expect(images.find(name, foreign)).toBeUndefined();
  });

  test('beside one of the other platform leaves both under the name', async () => {
    publish('a');
    await Promise.all([pull(host), pull(foreign)]);
    expect([images.get(name, host).platform, images.get(name, foreign).platform]).toMatchObject([
      host,
      foreign,
    ]);
  });
});
