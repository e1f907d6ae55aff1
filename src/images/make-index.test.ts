import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type Digest, digestOf } from '../oci/digest.ts';
import type { ImageConfig, Manifest, Platform } from '../oci/image.ts';
import type { ImageIndex, IndexMember } from './contract.ts';
import type { StoredImages } from './images.ts';
import { stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import {
  foreign,
  foreignLayer,
  host,
  hostLayer,
  makeImages,
  memberOf as memberFor,
  statement,
} from './testing/indexed.ts';

const layers = [foreignLayer, hostLayer];

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

/** Of one of both images, each for its platform. */
function memberOf(image: Digest, change: Partial<IndexMember> = {}): IndexMember {
  return memberFor(image, images.get(image).platform, change);
}

async function document<T>(digest: Digest | undefined): Promise<T> {
  if (digest === undefined) throw new Error('there is no such document');
  return JSON.parse(Buffer.from(await bench.content.readAll(digest, 1 << 20)).toString());
}

describe('an index', () => {
  test('brings its images along, all of them at once, or none', async () => {
    using lease = images.maker.leaseLayers(bench.context);
    const { diffId } = await images.maker.receiveLayer(bench.context, lease, stream(hostLayer));
    const configFor = (platform: Platform, layer: Digest): ImageConfig => ({
      ...{ ...platform, history: [{ created_by: 'here' }] },
      rootfs: { type: 'layers', diff_ids: [layer] },
    });
    const seen: number[] = [];
    const statements = (): [] => {
      seen.push(images.list().length);
      return [];
    };
    const create = (last: Digest): Promise<ImageIndex> =>
      images.maker.createIndex(bench.context, {
        members: [
          memberFor(configFor(foreign, diffId), foreign, { statements }),
          memberFor(configFor(host, last), host, { statements }),
        ],
        ...{ annotations: {}, references: ['both'] },
      });
    await expect(create(digestOf('of a layer that is not here'))).rejects.toThrow('does not exist');
    expect(images.list()).toEqual([]);
    const left = await Array.fromAsync(bench.content.list());
    const texts = await Promise.all(left.map(({ digest }) => bench.content.readAll(digest, 1 << 20)));
    expect(texts.filter(([first]) => first === '{'.charCodeAt(0))).toEqual([]);
    const { members } = await create(diffId);
    expect(seen).toEqual([0, 0, 0]);
    expect(members.map(({ image }) => image)).toEqual(
      [foreign, host].map((platform) => images.maker.idOf(configFor(platform, diffId))),
    );
    expect(members.map(({ image, manifest }) => images.get(image).manifest === manifest)).toEqual([
      true,
      true,
    ]);
    expect(images.get('both').id).toBe(members[1]?.image ?? diffId);
    expect(members.map(({ isNew }) => isNew)).toEqual([true, true]);
    expect((await create(diffId)).members.map(({ isNew }) => isNew)).toEqual([false, false]);
  });

  test.each(['image_indexes', 'image_references'])(
    'and its images are not there, for later daemons either, when all but its row of %s is written',
    async (table) => {
      using lease = images.maker.leaseLayers(bench.context);
      const { diffId } = await images.maker.receiveLayer(bench.context, lease, stream(hostLayer));
      const refuse = "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
      bench.database.run(`CREATE TRIGGER last_one BEFORE INSERT ON ${table} ${refuse}`);
      // What is there by then stays, as when the daemon is killed.
      bench.database.run(`CREATE TRIGGER no_more BEFORE DELETE ON images ${refuse}`);
      const config = { ...host, rootfs: { type: 'layers', diff_ids: [diffId] } } as const;
      const creating = images.maker.createIndex(bench.context, {
        ...{ members: [memberFor(config, host)], annotations: {}, references: ['one'] },
      });
      await expect(creating).rejects.toThrow('the disk is full');
      expect(images.list()).toEqual([]);
      expect((await bench.open()).list()).toEqual([]);
      expect(bench.database.query('SELECT * FROM images').all()).toEqual([]);
      expect(bench.database.query('SELECT * FROM image_indexes').all()).toEqual([]);
      expect(bench.events).toEqual([]);
    },
  );

  test('has the images in the order given and then the statements about them', async () => {
    const [one, other] = await makeImages(bench.context, images);
    const subjects: Digest[] = [];
    const statements = (manifest: Digest): (typeof statement)[] => {
      subjects.push(manifest);
      return [statement];
    };
    const made = await images.maker.createIndex(bench.context, {
      members: [memberOf(one), memberOf(other, { statements, descriptorAnnotations: { b: '1', a: '2' } })],
      annotations: { 'org.example': 'index' },
      references: ['both'],
    });
    const [first, second] = made.members;
    expect(subjects).toEqual(second === undefined ? [] : [second.manifest]);
    const index = await document<{ manifests: { digest: Digest }[] }>(made.digest);
    expect(index).toMatchObject({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      annotations: { 'org.example': 'index' },
      manifests: [
        { digest: first?.manifest, platform: foreign },
        { digest: second?.manifest, platform: host, annotations: { a: '2', b: '1' } },
        {
          platform: { architecture: 'unknown', os: 'unknown' },
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': second?.manifest,
          },
        },
      ],
    });
    const attestation = await document<Manifest>(index.manifests[2]?.digest);
    expect(await document<object>(attestation.config.digest)).toEqual({
      ...{ architecture: 'unknown', os: 'unknown', config: {} },
      rootfs: { type: 'layers', diff_ids: [digestOf(statement.bytes)] },
    });
    expect(attestation.layers).toEqual([
      {
        mediaType: 'application/vnd.in-toto+json',
        ...{ digest: digestOf(statement.bytes), size: statement.bytes.length },
        annotations: { 'in-toto.io/predicate-type': statement.predicateType },
      },
    ]);
  });

  test('names layers as gzip of the same bytes each time', async () => {
    const [one, other] = await makeImages(bench.context, images);
    const request = { members: [memberOf(one), memberOf(other)], annotations: {}, references: [] };
    const made = await images.maker.createIndex(bench.context, request);
    const { layers: named } = await document<Manifest>(made.members[0]?.manifest);
    const blob = await bench.content.readAll(named[0]?.digest ?? digestOf(''), 1 << 20);
    expect(gunzipSync(blob)).toEqual(Buffer.from(layers[0] ?? []));
    expect(await images.maker.createIndex(bench.context, request)).toEqual(made);
  });

  test.each([
    ['uncompressed', 'application/vnd.oci.image.layer.v1.tar', (bytes: Uint8Array) => bytes],
    ['gzip', 'application/vnd.oci.image.layer.v1.tar+gzip', gunzipSync],
    ['zstd', 'application/vnd.oci.image.layer.v1.tar+zstd', zstdDecompressSync],
  ] as const)('names layers as they are asked for: %s', async (encoding, mediaType, decompress) => {
    const [one] = await makeImages(bench.context, images);
    const members = [memberOf(one, { encoding })];
    const made = await images.maker.createIndex(bench.context, { members, annotations: {}, references: [] });
    const { layers: named } = await document<Manifest>(made.members[0]?.manifest);
    expect(named.map((layer) => layer.mediaType)).toEqual([mediaType]);
    const blob = await bench.content.readAll(named[0]?.digest ?? digestOf(''), 1 << 20);
    expect(blob).toHaveLength(named[0]?.size ?? -1);
    expect(Buffer.from(decompress(blob))).toEqual(Buffer.from(layers[0] ?? []));
  });

  test('is found as the image for this host, and keeps all others', async () => {
    const [one, other] = await makeImages(bench.context, images);
    const made = await images.maker.createIndex(bench.context, {
      members: [memberOf(one), memberOf(other, { statements: () => [statement] })],
      ...{ annotations: {}, references: ['both:1', 'both:2'] },
    });
    await images.collect(bench.context);
    expect(images.get('both:1')).toMatchObject({ id: other, tags: ['both:1', 'both:2'] });
    expect(images.get(one).tags).toEqual(['both:1', 'both:2']);
    expect(await bench.content.stat(made.digest)).toBeDefined();
    expect(await bench.content.stat(digestOf(statement.bytes))).toBeDefined();
    images = await bench.open();
    await images.collect(bench.context);
    expect(images.get('both:2').id).toBe(other);
    expect(await bench.content.stat(digestOf(statement.bytes))).toBeDefined();
  });

  test('is refused without images, or of one that is not here', async () => {
    const make = (members: IndexMember[]): Promise<unknown> =>
      images.maker.createIndex(bench.context, { members, annotations: {}, references: [] });
    await expect(make([])).rejects.toThrow('an index needs an image at least');
    const [one] = await makeImages(bench.context, images);
    const gone = { ...memberOf(one), image: digestOf('gone') };
    await expect(make([gone])).rejects.toThrow(`No such image: ${digestOf('gone')}`);
  });
});

test('an image may have a manifest of its own, with annotations, which it is saved with', async () => {
  const [, id] = await makeImages(bench.context, images);
  const { config } = images.get(id ?? '');
  const manifest = { annotations: { b: '1', a: '2' }, encoding: 'zstd' } as const;
  const request = { config, parent: undefined, references: ['annotated'], manifest };
  const image = await images.maker.create(bench.context, request);
  expect(image.id).toBe(id ?? digestOf(''));
  const { annotations, layers: named } = await document<Manifest>(image.manifest);
  expect(annotations).toEqual({ a: '2', b: '1' });
  expect(named.map(({ mediaType }) => mediaType)).toEqual(['application/vnd.oci.image.layer.v1.tar+zstd']);
  expect(images.get('annotated').manifest).toBe(image.manifest);
  const archive = images.save(bench.context, ['annotated'], { platform: undefined });
  const saved = Buffer.concat(await Array.fromAsync(archive)).toString('latin1');
  expect(saved).toContain(image.manifest?.slice('sha256:'.length) ?? '-');
});

test('an image is seen with its name or not at all, so that nobody removes it while its manifest is made', async () => {
  using lease = images.maker.leaseLayers(bench.context);
  const layer = tar({ data: randomBytes(1 << 20) });
  const { diffId } = await images.maker.receiveLayer(bench.context, lease, stream(layer, 1 << 20));
  const config: ImageConfig = { ...host, rootfs: { type: 'layers', diff_ids: [diffId] } };
  const manifest = { annotations: {}, encoding: 'zstd' } as const;
  let isMade = false;
  const making = images.maker
    .create(bench.context, { config, parent: undefined, references: ['app'], manifest })
    .finally(() => {
      isMade = true;
    });
  const seen = new Set<string>();
  for (; !isMade; await Bun.sleep(0)) seen.add(JSON.stringify(images.list().map(({ tags }) => tags)));
  expect([...seen]).not.toContain('[[]]');
  expect(seen).toContain('[]');
  expect((await making).tags).toEqual(['app:latest']);
});
