import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { SampanError } from '../base/errors.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { StoredImages } from './images.ts';
import { configOf, type Files, savedArchive, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import { LayoutBuilder, named } from './testing/layout.ts';

const layer = tar({ 'etc/motd': 'hello\n' });
const upper = tar({ 'etc/issue': 'upper\n' });
const plain = { platform: undefined };

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

/** A layout whose only entry is this document, or is missing. */
function layoutArchive(document: object | undefined): Buffer {
  const layout = new LayoutBuilder();
  const entry = layout.blob(JSON.stringify(document ?? {}), mediaTypes.ociManifest);
  if (document === undefined) delete layout.blobs[`blobs/sha256/${entry.digest.slice(7)}`];
  return layout.archive([entry]);
}

/** Few blobs, many ways through them. */
function bushyLayout(): Buffer {
  const layout = new LayoutBuilder();
  let entry = layout.index([]);
  for (let depth = 0; depth < 3; depth++) entry = layout.index(new Array(40).fill(entry));
  return layout.archive([entry]);
}

function manyImages(count: number, comment: string): Buffer {
  const list = new Array(count).fill({ Config: 'c', Layers: ['l'] });
  return tar({ c: configOf([layer], { comment }), l: layer, 'manifest.json': JSON.stringify(list) });
}

function longHistory(): Buffer {
  const files: Record<string, string | Uint8Array> = { repositories: '{}' };
  for (let index = 0; index < 200; index++) {
    const comment = index === 0 ? 'x'.repeat(1 << 20) : '';
    files[`${index}/json`] = JSON.stringify({ comment, parent: index === 0 ? '' : String(index - 1) });
    files[`${index}/layer.tar`] = layer;
  }
  return tar(files);
}

function strangerAsParent(): Buffer {
  const [one, other] = [configOf([layer]), configOf([layer], { history: [{}, {}] })];
  const list = [
    { Config: 'a', Layers: ['l'], Parent: digestOf(other) },
    { Config: 'b', Layers: ['l'] },
  ];
  const files: Files = { a: one, b: other, l: layer };
  return tar({ ...files, 'manifest.json': JSON.stringify(list) });
}

describe('load', () => {
  test.each([
    ['plain', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('takes a %s docker-save archive and keeps its ID', async (_, pack) => {
    const config = configOf([layer, upper]);
    const packed = pack(savedArchive([layer, upper], ['app:v1', 'docker.io/me/app'], config));
    const loaded = await images.load(bench.context, stream(packed), plain);
    const id = digestOf(config);
    expect(loaded).toEqual([
      { reference: 'app:v1', id },
      { reference: 'me/app:latest', id },
    ]);
    expect(images.get('app:v1')).toMatchObject({
      id,
      tags: ['app:v1', 'me/app:latest'],
      size: layer.length + upper.length,
    });
  });

  test.each(['{"manifests":null}', '{', 'null', '{"manifests":[{"digest":"x"}]}'])(
    'goes by manifest.json where index.json says %s',
    async (index) => {
      const list = JSON.stringify([{ Config: 'c.json', RepoTags: ['a:1'], Layers: ['l'] }]);
      const files = { 'c.json': configOf([layer]), l: layer, 'manifest.json': list, 'index.json': index };
      expect(await images.load(bench.context, stream(tar(files)), plain)).toMatchObject([
        { reference: 'a:1' },
      ]);
    },
  );

  test('names what has no tag by its ID', async () => {
    const [loaded] = await images.load(bench.context, stream(savedArchive([layer], null)), plain);
    expect(loaded).toEqual({ id: digestOf(configOf([layer])) });
  });

  test('tells when a name moves to another image', async () => {
    await images.load(bench.context, stream(savedArchive([layer], ['a:1'])), plain);
    const before = images.get('a:1').id;
    const messages: string[] = [];
    const options = { ...plain, onMessage: (text: string) => messages.push(text) };
    await images.load(bench.context, stream(savedArchive([upper], ['a:1'])), options);
    expect(messages).toEqual([
      `The image a:1 already exists, renaming the old one with ID ${before} to empty string`,
    ]);
    expect(images.get(before).tags).toEqual([]);
  });

  test.each(['blobs first', 'blobs last'] as const)(
    'takes an OCI layout with %s, and keeps it as it came',
    async (order) => {
      const layout = new LayoutBuilder();
      const manifest = layout.manifest(configOf([layer, upper]), [gzipSync(layer), zstdCompressSync(upper)]);
      const archive = layout.archive([named(manifest, 'docker.io/library/app:1')], order);
      expect(await images.load(bench.context, stream(archive), plain)).toMatchObject([
        { reference: 'app:1' },
      ]);
      const image = images.get('app:1');
      expect(image).toMatchObject({ manifest: manifest.digest, size: layer.length + upper.length });
      const kept = await Array.fromAsync(bench.content.list(), ({ digest }) => digest);
      const tars = [digestOf(layer), digestOf(upper)];
      const stored = Object.values(layout.blobs).map((bytes) => digestOf(bytes));
      expect(kept.toSorted()).toEqual([...stored, ...tars].toSorted());
      await images.collect(bench.context);
      await images.push(bench.context, 'app:1', { credentials: undefined, platform: undefined });
      const pushed = bench.registry.repository('docker.io/library/app').manifests.get('1');
      expect(digestOf(pushed?.bytes ?? '')).toBe(manifest.digest);
    },
  );

  test('chooses the platform in a nested index, and drops the layers of the others', async () => {
    const layout = new LayoutBuilder();
    const manifests = [layer, upper].map((bytes, index) => {
      const architecture = index === 0 ? 'amd64' : 's390x';
      const config = configOf([bytes], { architecture });
      return layout.manifest(config, [gzipSync(bytes)], { os: 'linux', architecture });
    });
    const index = layout.index([layout.index(manifests)]);
    const archive = layout.archive([named(index, 'docker.io/library/multi:1')]);
    const platform = { os: 'linux', architecture: 's390x' };
    expect(await images.load(bench.context, stream(archive), { platform })).toMatchObject([
      { reference: 'multi:1' },
    ]);
    expect(images.get('multi:1').platform.architecture).toBe('s390x');
    expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([digestOf(upper)]);
    expect(await Array.fromAsync(bench.content.list())).toHaveLength(4);
  });

  test('skips attestations beside images', async () => {
    const layout = new LayoutBuilder();
    const image = layout.manifest(configOf([layer]), [gzipSync(layer)], {
      os: 'linux',
      architecture: 'amd64',
    });
    const config = layout.blob('{}', 'application/vnd.in-toto+json');
    const attestation = layout.blob(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [config] }),
      mediaTypes.ociManifest,
    );
    const archive = layout.archive([attestation, layout.index([image, attestation])]);
    expect(await images.load(bench.context, stream(archive), plain)).toHaveLength(1);
  });

  test.each<[string, (manifest: Descriptor) => object]>([
    ['an artifact', (manifest) => ({ ...manifest, artifactType: 'application/x' })],
    ['of another size', (manifest) => ({ ...manifest, size: 7 })],
  ])('knows an image alone where its index says that it is %s', async (_, change) => {
    const layout = new LayoutBuilder();
    const index = layout.index([change(layout.manifest(configOf([layer]), [layer])) as Descriptor]);
    await images.load(bench.context, stream(layout.archive([named(index, 'app:v1')])), plain);
    expect(images.list().map(({ tags }) => tags)).toEqual([['app:v1']]);
    expect(bench.database.query('SELECT * FROM image_indexes').all()).toEqual([]);
  });

  test('adds nothing of an index that says two things of one manifest', async () => {
    const layout = new LayoutBuilder();
    const manifest = layout.manifest(configOf([layer]), [layer]);
    const index = layout.index([{ ...manifest, artifactType: 'application/x' }, manifest]);
    const loading = images.load(bench.context, stream(layout.archive([named(index, 'app:v1')])), plain);
    await expect(loading).rejects.toThrow('it has manifests twice, as different things');
    expect(images.list()).toEqual([]);
    expect(await Array.fromAsync(bench.content.list())).toEqual([]);
  });

  test('takes an archive from before Docker 1.10, with parents', async () => {
    const [base, top] = ['b'.repeat(64), 'a'.repeat(64)];
    const command = { container_config: { Cmd: ['/bin/sh', '-c', 'x'] }, created: '2014-01-01T00:00:00Z' };
    const files = {
      [`${top}/VERSION`]: '1.0',
      [`${top}/json`]: JSON.stringify({
        id: top,
        parent: base,
        os: 'linux',
        architecture: 'amd64',
        ...command,
      }),
      [`${top}/layer.tar`]: upper,
      [`${base}/json`]: JSON.stringify({ id: base, os: 'linux', architecture: 'amd64', ...command, Size: 5 }),
      [`${base}/layer.tar`]: layer,
      repositories: JSON.stringify({ old: { v1: top } }),
    };
    const loaded = await images.load(bench.context, stream(tar(files)), plain);
    expect(loaded).toHaveLength(2);
    const image = images.get('old:v1');
    expect(image.config).toMatchObject({
      rootfs: { diff_ids: [digestOf(layer), digestOf(upper)] },
      history: [{ created_by: '/bin/sh -c x' }, { created: '2014-01-01T00:00:00Z' }],
    });
    expect(image.config).not.toHaveProperty('parent');
    expect(images.get(image.parent ?? '').config.rootfs.diff_ids).toEqual([digestOf(layer)]);
  });

  test('records the parent that the archive has too', async () => {
    const step = { created: '2020-01-01T00:00:00Z', created_by: 'one' };
    const base = configOf([layer], { history: [step] });
    const child = configOf([layer, upper], { history: [step, { ...step, created_by: 'two' }] });
    const list = [
      { Config: 'c.json', RepoTags: ['child:1'], Layers: ['0.tar', '1.tar'], Parent: digestOf(base) },
      { Config: 'b.json', RepoTags: ['base:1'], Layers: ['0.tar'] },
    ];
    const files = { '0.tar': layer, '1.tar': upper, 'c.json': child, 'b.json': base };
    await images.load(bench.context, stream(tar({ ...files, 'manifest.json': JSON.stringify(list) })), plain);
    expect(images.get('child:1').parent).toBe(digestOf(base));
    const saved = Buffer.concat(
      await Array.fromAsync(images.save(bench.context, ['child:1', 'base:1'], plain)),
    );
    expect(saved.includes(`"Parent":"${digestOf(base)}"`)).toBe(true);
  });

  test('takes only the images for the platform that is asked for', async () => {
    const platform = { os: 'linux', architecture: 'arm64' };
    const archive = savedArchive([layer], ['a:1']);
    await expect(images.load(bench.context, stream(archive), { platform })).rejects.toThrow(
      'no image for the platform linux/arm64',
    );
    expect(images.list()).toEqual([]);
  });

  test('tells how each layer gets on, in bytes', async () => {
    const large = tar({ big: Buffer.alloc(1_200_000, 'x') });
    const reports: [Digest, number, number][] = [];
    const onProgress = (...report: [Digest, number, number]): unknown => reports.push(report);
    const hex = digestOf(large).slice(7);
    const files = {
      [`blobs/sha256/${hex}`]: large,
      'c.json': configOf([large]),
      'manifest.json': JSON.stringify([{ Config: 'c.json', Layers: [`blobs/sha256/${hex}`] }]),
    };
    await images.load(bench.context, stream(tar(files), 65_536), { ...plain, onProgress });
    expect(reports.length).toBeGreaterThan(1);
    expect(reports.at(-1)).toEqual([digestOf(large), large.length, large.length]);
    expect(reports.map(([, current]) => current)).toEqual(
      reports.map(([, current]) => current).toSorted((a, b) => a - b),
    );
  });

  test('does not receive a layer again that is here', async () => {
    const layout = new LayoutBuilder();
    const manifest = layout.manifest(configOf([layer]), [gzipSync(layer)]);
    const archive = layout.archive([named(manifest, 'app:1')]);
    await images.load(bench.context, stream(archive), plain);
    bench.snapshots.receive = () => Promise.reject(new Error('received again'));
    await images.load(bench.context, stream(archive), plain);
    expect(images.get('app:1').manifest).toBe(manifest.digest);
  });

  test.each<[string, Buffer, string]>([
    ['without a manifest', tar({ x: 'y' }), 'open manifest.json: no such file or directory'],
    [
      'whose config is missing',
      tar({ 'manifest.json': '[{"Config":"c.json","Layers":[]}]' }),
      'open c.json: no such file',
    ],
    [
      'with another layer than its config says',
      savedArchive([layer], null, configOf([upper])),
      'invalid diffID for layer 0',
    ],
    ['with too few layers', savedArchive([layer], null, configOf([layer, upper])), 'layers length mismatch'],
    ['with a broken manifest', tar({ 'manifest.json': '{' }), 'invalid manifest.json: not JSON'],
    [
      'with a lying blob name',
      tar({ [`blobs/sha256/${'0'.repeat(64)}`]: '{}', 'manifest.json': '[]' }),
      'has the digest',
    ],
    [
      'with two manifests in one',
      layoutArchive({ config: {}, layers: [], manifests: [] }),
      'both layers and manifests',
    ],
    ['with an index that names itself many times', bushyLayout(), 'more than 4096 manifests'],
    ['whose index names what is not there', layoutArchive(undefined), 'no such file or directory'],
    [
      'of another system',
      savedArchive([layer], null, configOf([layer], { os: 'windows' })),
      'cannot load windows image on linux',
    ],
    [
      'from before Docker 1.10 whose history grows and grows',
      longHistory(),
      'configurations of the archive are too large',
    ],
    ['with too many images', manyImages(5_000, 'x'), 'more than 4096 images'],
    [
      'that names a large document many times',
      manyImages(1_000, 'x'.repeat(1 << 20)),
      'name one another too often',
    ],
    ['with a null manifest', tar({ 'manifest.json': 'null' }), 'manifest cannot be null'],
    ['with a parent that is none', strangerAsParent(), 'is not a valid parent for'],
    [
      'from before Docker 1.10 without its parent',
      tar({ 'a/json': '{"parent":"b"}', 'a/layer.tar': layer, repositories: '{}' }),
      'open b/json',
    ],
    [
      'from before Docker 1.10 with a cycle',
      tar({ 'a/json': '{"parent":"a"}', 'a/layer.tar': layer, repositories: '{}' }),
      'more than 256 layers',
    ],
    [
      'from before Docker 1.10 with a name for nothing',
      tar({ repositories: '{"a":{"b":"c"}}' }),
      'invalid target ID: c',
    ],
    ['that is cut off', savedArchive([layer], null).subarray(0, 1_300), 'unexpected EOF'],
  ])('refuses an archive %s and keeps nothing', async (_, archive, message) => {
    await expect(images.load(bench.context, stream(archive), plain)).rejects.toThrow(message);
    expect(images.list()).toEqual([]);
    expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([]);
    expect(await Array.fromAsync(bench.content.list())).toEqual([]);
  });

  test('survives a restart of the daemon', async () => {
    await images.load(bench.context, stream(savedArchive([layer], ['kept:1'])), plain);
    const again = await bench.open();
    expect(again.get('kept:1')).toEqual(images.get('kept:1'));
  });

  test.each(['manifest.json', 'index.json', 'repositories'])(
    'takes or refuses whatever %s says',
    async (name) => {
      const digest = fc.constantFrom(digestOf(layer), digestOf(configOf([layer])), 'sha256:x');
      const keys = fc.constantFrom(
        'Config',
        'Layers',
        'RepoTags',
        'manifests',
        'digest',
        'platform',
        'annotations',
        'a',
      );
      const { value } = fc.letrec((tie) => ({
        value: fc.oneof(
          { maxDepth: 4 },
          fc.constantFrom(null, 1, '', 'c.json', 'l.tar', 'a'),
          digest,
          fc.array(tie('value'), { maxLength: 3 }),
          fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
        ),
      }));
      await fc.assert(
        fc.asyncProperty(value, async (document) => {
          const files = { 'c.json': configOf([layer]), 'l.tar': layer, 'a/json': '{}', 'a/layer.tar': layer };
          const archive = tar({ ...files, [name]: JSON.stringify(document) });
          const outcome = await images
            .load(bench.context, stream(archive, 10_000), plain)
            .catch((error) => error);
          expect(Array.isArray(outcome) || outcome instanceof SampanError).toBe(true);
        }),
        { numRuns: 300 },
      );
    },
  );
});
