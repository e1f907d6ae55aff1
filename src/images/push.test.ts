import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { PushOptions, PushProgress } from './contract.ts';
import type { StoredImages } from './images.ts';
import { configOf, savedArchive, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import { layoutOf } from './testing/layout.ts';

const lower = tar({ 'etc/motd': 'hello\n' });
const upper = tar({ 'etc/issue': 'upper\n' });
const plain = { platform: undefined };
const anonymous: PushOptions = { credentials: undefined, platform: undefined };

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

async function load(...tags: string[]): Promise<void> {
  await images.load(bench.context, stream(savedArchive([lower, upper], tags)), plain);
}

/** "step layer" of each message of a push, the bytes left out. */
async function push(reference: string): Promise<string[]> {
  const steps: string[] = [];
  const onLayer = ({ layer, step, from }: PushProgress): void => {
    const which = layer === digestOf(lower) ? 'lower' : 'upper';
    const line = [step, which, from].filter(Boolean).join(' ');
    if (steps.at(-1) !== line) steps.push(line);
  };
  await images.push(bench.context, reference, { ...anonymous, onLayer });
  return steps;
}

describe('push by digest', () => {
  test('gives an image no tag, but the name of its digest', async () => {
    await load('app:v1');
    const { id } = images.get('app:v1');
    const [pushed] = await images.push(bench.context, 'r.example/app', { ...anonymous, source: id });
    const { manifests } = bench.registry.repository('r.example/app');
    expect([...manifests.keys()]).toEqual([pushed?.digest ?? '']);
    expect(pushed?.tag).toBe('');
    expect(images.get(`r.example/app@${pushed?.digest}`).id).toBe(id);
    expect(images.get('app:v1').digests).toEqual([`r.example/app@${pushed?.digest}`]);
  });

  test('is refused for what is not here', async () => {
    const source = digestOf('nothing');
    const pushing = images.push(bench.context, 'r.example/app', { ...anonymous, source });
    await expect(pushing).rejects.toThrow(`No such image: ${source}`);
  });
});

describe('push', () => {
  test('makes a Docker manifest over gzip layers, and names the image by it', async () => {
    await load('r.example/app:v1');
    const [pushed] = await images.push(bench.context, 'r.example/app:v1', anonymous);
    const repository = bench.registry.repository('r.example/app');
    const stored = repository.manifests.get('v1');
    const manifest = JSON.parse(Buffer.from(stored?.bytes ?? []).toString());
    expect(stored?.mediaType).toBe(mediaTypes.dockerManifest);
    expect(manifest.config.digest).toBe(images.get('r.example/app:v1').id);
    const tars = manifest.layers.map((layer: { digest: `sha256:${string}`; size: number }) => {
      const blob = repository.blobs.get(layer.digest) ?? Buffer.alloc(0);
      expect(blob.length).toBe(layer.size);
      return gunzipSync(blob).toString();
    });
    expect(tars).toEqual([lower.toString(), upper.toString()]);
    expect(pushed).toEqual({
      tag: 'v1',
      digest: digestOf(stored?.bytes ?? ''),
      size: stored?.bytes.length ?? 0,
    });
    expect(images.get('r.example/app:v1')).toMatchObject({
      manifest: pushed?.digest,
      digests: [`r.example/app@${pushed?.digest}`],
    });
    expect(bench.events.at(-1)).toBe('push r.example/app');
  });

  test('tells the steps of each layer, bottom first', async () => {
    await load('r.example/app:v1');
    const steps = await push('r.example/app:v1');
    expect(steps.slice(0, 2)).toEqual(['preparing lower', 'preparing upper']);
    const ofLower = steps.filter((step) => step.endsWith('lower'));
    expect(ofLower.at(0)).toBe('preparing lower');
    expect(ofLower.at(1)).toBe('pushing lower');
    expect(ofLower.at(-1)).toBe('pushed lower');
  });

  test('sends nothing that is there, and mounts what another repository of the registry has', async () => {
    await load('r.example/app:v1', 'r.example/other:v1', 'elsewhere.example/app:v1');
    await push('r.example/app:v1');
    expect((await push('r.example/app:v1')).slice(2)).toEqual(['exists lower', 'exists upper']);
    expect((await push('r.example/other:v1')).slice(2)).toEqual(['mounted lower app', 'mounted upper app']);
    bench.registry.requests.length = 0;
    await push('elsewhere.example/app:v1');
    expect(bench.registry.requests.filter((text) => text.startsWith('mount'))).toEqual([]);
    const digests = ['r.example/app', 'r.example/other', 'elsewhere.example/app'].map((name) =>
      digestOf(bench.registry.repository(name).manifests.get('v1')?.bytes ?? ''),
    );
    expect(new Set(digests).size).toBe(1);
  });

  test('compresses a layer once for pushes at the same time, and uploads it once', async () => {
    await load('r.example/app:v1', 'r.example/app:v2');
    await Promise.all([push('r.example/app:v1'), push('r.example/app:v2')]);
    const uploads = bench.registry.requests.filter((text) => text.startsWith('upload'));
    const layers = bench.registry.repository('r.example/app').manifests.get('v2');
    expect(uploads.length).toBeGreaterThanOrEqual(3);
    expect(new Set(uploads).size).toBe(3);
    expect(layers).toEqual(bench.registry.repository('r.example/app').manifests.get('v1'));
  });

  test('of a name without a tag brings all its tags', async () => {
    await load('r.example/app:v2', 'r.example/app:v1', 'r.example/appendix:v1');
    const pushed = await images.push(bench.context, 'r.example/app', anonymous);
    expect(pushed.map(({ tag }) => tag)).toEqual(['v1', 'v2']);
  });

  test('makes the same manifest again after the first was lost', async () => {
    await load('r.example/app:v1');
    const [first] = await images.push(bench.context, 'r.example/app:v1', anonymous);
    await images.remove(bench.context, 'r.example/app:v1', { force: true, prune: true });
    await load('r.example/app:v1');
    bench.registry.repository('r.example/app').blobs.clear();
    expect(await images.push(bench.context, 'r.example/app:v1', anonymous)).toEqual(first ? [first] : []);
  });

  test('of an image that came with a manifest sends just that, and makes another only when a layer is gone', async () => {
    const config = configOf([lower]);
    const layout = layoutOf(config, [gzipSync(lower, { level: 1 })], 'r.example/app:v1');
    await images.load(bench.context, stream(layout.archive), plain);
    const [same] = await images.push(bench.context, 'r.example/app:v1', anonymous);
    expect(same?.digest).toBe(layout.manifest);
    await bench.content.delete(digestOf(gzipSync(lower, { level: 1 })));
    expect(await images.push(bench.context, 'r.example/app:v1', anonymous)).toEqual(same ? [same] : []);
    bench.registry.repository('r.example/app').blobs.clear();
    const [other] = await images.push(bench.context, 'r.example/app:v1', anonymous);
    expect(other?.digest).not.toBe(layout.manifest);
    expect(images.get('r.example/app:v1').manifest).toBe(other?.digest);
  });

  test.each([
    ['r.example/none', 'An image does not exist locally with the tag: r.example/none'],
    ['r.example/app:none', 'tag does not exist: r.example/app:none'],
    [`r.example/app@sha256:${'0'.repeat(64)}`, 'cannot push a digest reference'],
  ])('refuses %s', async (reference, message) => {
    await load('r.example/app:v1');
    await expect(images.push(bench.context, reference, anonymous)).rejects.toThrow(message);
  });

  test('refuses an image for another platform than asked for', async () => {
    await load('app:v1');
    const platform = { os: 'linux', architecture: 'arm64' };
    await expect(images.push(bench.context, 'app:v1', { ...anonymous, platform })).rejects.toThrow(
      'image with reference app:v1 was found but does not provide the specified platform (linux/arm64)',
    );
  });

  test('fails with the first failure, and leaves nothing at work', async () => {
    await load('r.example/app:v1');
    const target = bench.registry.target.bind(bench.registry);
    bench.registry.target = async (context, reference) => ({
      ...(await target(context, reference)),
      upload: () => Promise.reject(new Error('the registry is full')),
    });
    await expect(push('r.example/app:v1')).rejects.toThrow('the registry is full');
    expect(images.get('r.example/app:v1').digests).toEqual([]);
  });
});
