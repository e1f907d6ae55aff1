import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { readTar } from '../oci/tar/archive.ts';
import type { StoredImages } from './images.ts';
import { configOf, savedArchive, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import { LayoutBuilder, layoutOf, named } from './testing/layout.ts';

const lower = tar({ 'etc/motd': 'hello\n' });
const upper = tar({ 'etc/issue': 'upper\n' });
const plain = { platform: undefined };

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

async function save(...names: string[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(images.save(bench.context, names, plain)));
}

async function load(archive: Uint8Array): Promise<void> {
  await images.load(bench.context, stream(archive, 10_000), plain);
}

/** The archive's members by name, JSON ones parsed. */
async function membersOf(archive: Uint8Array): Promise<Map<string, unknown>> {
  const members = new Map<string, unknown>();
  for await (const member of readTar(stream(archive))) {
    const text = await member.text(1 << 20);
    members.set(member.entry.name, text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text);
  }
  return members;
}

function path(bytes: string | Uint8Array): string {
  return `blobs/sha256/${digestOf(bytes).slice(7)}`;
}

describe('save', () => {
  test('writes what docker save does, over plain tars, in the order of the names', async () => {
    const config = configOf([lower, upper]);
    await load(savedArchive([lower, upper], ['app:v1', 'example.org/app:v2'], config));
    const members = await membersOf(await save('app:v1', 'example.org/app:v2'));
    const names = [...members.keys()];
    expect(names).toEqual(names.toSorted());
    expect(members.get('manifest.json')).toEqual([
      {
        Config: path(config),
        RepoTags: ['app:v1', 'example.org/app:v2'],
        Layers: [path(lower), path(upper)],
      },
    ]);
    expect(members.get(path(lower))).toBe(lower.toString());
    expect(members.get('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const top = digestOf(upper).slice(7);
    expect(members.get('repositories')).toEqual({ app: { v1: top }, 'example.org/app': { v2: top } });
    const index = members.get('index.json') as { manifests: { digest: string; annotations: object }[] };
    expect(index.manifests.map(({ annotations }) => annotations)).toEqual([
      {
        'io.containerd.image.name': 'docker.io/library/app:v1',
        'org.opencontainers.image.ref.name': 'v1',
      },
      { 'io.containerd.image.name': 'example.org/app:v2', 'org.opencontainers.image.ref.name': 'v2' },
    ]);
    expect(members.get(`blobs/sha256/${index.manifests[0]?.digest.slice(7)}`)).toMatchObject({
      config: { digest: digestOf(config), size: config.length },
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(lower), size: lower.length },
        { digest: digestOf(upper) },
      ],
    });
  });

  test('gives the same bytes each time, also after they were loaded elsewhere', async () => {
    await load(savedArchive([lower, upper], ['app:v1', 'app:v2']));
    const first = await save('app');
    expect((await save('app')).equals(first)).toBe(true);
    using other = new ImageBench();
    const there = await other.open();
    await there.load(other.context, stream(first), plain);
    const again = Buffer.concat(await Array.fromAsync(there.save(other.context, ['app'], plain)));
    expect(again.equals(first)).toBe(true);
  });

  test('keeps the manifest and the compressed layers that an image came with', async () => {
    const layout = layoutOf(configOf([lower]), [gzipSync(lower)], 'docker.io/library/app:v1');
    await load(layout.archive);
    const archive = await save('app:v1');
    const members = await membersOf(archive);
    expect(members.get('index.json')).toMatchObject({ manifests: [{ digest: layout.manifest }] });
    expect(members.get('manifest.json')).toMatchObject([{ Layers: [path(gzipSync(lower))] }]);
    expect(members.has(path(lower))).toBe(false);
    await images.remove(bench.context, 'app:v1', { force: true, prune: true });
    await load(archive);
    expect(images.get('app:v1').manifest).toBe(layout.manifest);
  });

  test.each([
    ['of Docker over gzip', mediaTypes.dockerManifest, mediaTypes.dockerLayerGzip, gzipSync(lower)],
    ['of OCI over a plain tar', mediaTypes.ociManifest, mediaTypes.ociLayer, lower],
  ])(
    'gives a manifest %s back when it is loaded, and names an OCI one',
    async (_, type, layerType, bytes) => {
      const layout = new LayoutBuilder();
      const manifest = layout.manifest(configOf([lower]), [bytes], undefined, type, layerType);
      await load(layout.archive([named(manifest, 'docker.io/library/app:v1')]));
      const archive = await save('app:v1');
      const members = await membersOf(archive);
      expect(members.get('index.json')).toMatchObject({
        manifests: [
          { mediaType: mediaTypes.ociManifest, annotations: { 'sampan.manifest': manifest.digest } },
        ],
      });
      expect(members.get('manifest.json')).toMatchObject([{ Layers: [path(bytes)] }]);
      await images.remove(bench.context, 'app:v1', { force: true, prune: true });
      await load(archive);
      expect(images.get('app:v1').manifest).toBe(manifest.digest);
      expect((await save('app:v1')).equals(archive)).toBe(true);
    },
  );

  test('has a layer that two images share once, compressed where one of them came so', async () => {
    const layout = layoutOf(configOf([lower]), [gzipSync(lower)], 'docker.io/library/base:v1');
    await load(layout.archive);
    await load(savedArchive([lower, upper], ['app:v1']));
    const members = await membersOf(await save('app:v1', 'base:v1'));
    expect(members.get('manifest.json')).toMatchObject([
      { RepoTags: ['app:v1'], Layers: [path(gzipSync(lower)), path(upper)] },
      { RepoTags: ['base:v1'], Layers: [path(gzipSync(lower))] },
    ]);
  });

  test('takes IDs, which give no names', async () => {
    await load(savedArchive([lower], ['app:v1']));
    const { id } = images.get('app:v1');
    for (const name of [id, id.slice(7, 19)]) {
      const members = await membersOf(await save(name));
      expect(members.get('manifest.json')).toMatchObject([{ RepoTags: null }]);
      expect(members.has('repositories')).toBe(false);
    }
  });

  test.each([
    ['app:none', 'reference does not exist'],
    ['none', 'No such image: none'],
    [`sha256:${'0'.repeat(64)}`, 'No such image: sha256:0'],
  ])('of %s fails before the first byte', async (name, message) => {
    await load(savedArchive([lower], ['app:v1']));
    expect(() => images.save(bench.context, ['app:v1', name], plain)).toThrow(message);
  });

  test('refuses another platform than the image is for', async () => {
    await load(savedArchive([lower], ['app:v1']));
    const platform = { os: 'linux', architecture: 'arm64' };
    expect(() => images.save(bench.context, ['app:v1'], { platform })).toThrow(
      'no suitable export target found for platform linux/arm64',
    );
  });

  test('finishes although the image is removed meanwhile', async () => {
    await load(savedArchive([lower, upper], ['app:v1']));
    const whole = await save('app:v1');
    const chunks: Uint8Array[] = [];
    for await (const chunk of images.save(bench.context, ['app:v1'], plain)) {
      if (chunks.length === 0) await images.remove(bench.context, 'app:v1', { force: true, prune: true });
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(whole)).toBe(true);
    await images.collect(bench.context);
    expect(await Array.fromAsync(bench.content.list())).toEqual([]);
  });
});
