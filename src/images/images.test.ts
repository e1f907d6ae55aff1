import type { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { background } from '../base/context.ts';
import { openDatabase } from '../base/database.ts';
import { MemoryContentStore } from '../content/memory-store.ts';
import { createRegistryClient } from '../distribution/registry-client.ts';
import { digestOf } from '../oci/digest.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import { openImages, type StoredImages } from './images.ts';
import { imagesSchema } from './schema.ts';
import { MemorySnapshots } from './testing/memory-snapshots.ts';

const context = background();
let database: Database;
let content: MemoryContentStore;
let snapshots: MemorySnapshots;
let images: StoredImages;
let users: { id: string; running: boolean }[];
let events: string[];

beforeEach(async () => {
  database = openDatabase(':memory:', [imagesSchema]);
  content = new MemoryContentStore();
  snapshots = new MemorySnapshots(content);
  users = [];
  events = [];
  images = await reopen();
});
afterEach(() => database.close());

function reopen(): Promise<StoredImages> {
  return openImages({
    database,
    content,
    snapshots,
    events: { publish: (event) => events.push(`${event.action} ${event.attributes['name']}`) },
    users: { containersOf: () => users },
    registries: createRegistryClient(() => ({ registryMirrors: [], insecureRegistries: [] })),
  });
}

type Files = Readonly<Record<string, string | Uint8Array>>;

function tar(files: Files): Buffer {
  const parts = Object.entries(files).flatMap(([name, data]) => {
    const body = Buffer.from(data as string);
    return [
      formatTarHeader({ type: 'file', name, mode: 0o644, size: body.length }),
      body,
      tarPadding(body.length),
    ];
  });
  return Buffer.concat([...parts, tarEnd]);
}

async function* stream(bytes: Uint8Array, size = 1_000): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

const layer = tar({ 'etc/motd': 'hello\n' });
const upper = tar({ 'etc/issue': 'upper\n' });

function configOf(layers: readonly Uint8Array[], extra: object = {}): string {
  const rootfs = { type: 'layers', diff_ids: layers.map((bytes) => digestOf(bytes)) };
  return JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Cmd: ['sh'] }, rootfs, ...extra });
}

function savedArchive(
  layers: readonly Uint8Array[],
  tags: readonly string[] | null,
  config = configOf(layers),
): Buffer {
  const id = digestOf(config).slice(7);
  const names = layers.map((_, index) => `${index}/layer.tar`);
  return tar({
    ...Object.fromEntries(layers.map((bytes, index) => [names[index] ?? '', bytes])),
    [`${id}.json`]: config,
    'manifest.json': JSON.stringify([{ Config: `${id}.json`, RepoTags: tags, Layers: names }]),
  });
}

const plain = { platform: undefined };

function importOptions(reference: string): Parameters<StoredImages['import']>[2] {
  return { reference, message: 'Imported from -', changes: ['CMD ["sh"]'], platform: undefined, source: '-' };
}

describe('load', () => {
  test.each([
    ['plain', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('takes a %s docker-save archive and keeps its ID', async (_, pack) => {
    const config = configOf([layer, upper]);
    const packed = pack(savedArchive([layer, upper], ['app:v1', 'docker.io/me/app'], config));
    const loaded = await images.load(context, stream(packed), plain);
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

  test('names what has no tag by its ID', async () => {
    const [loaded] = await images.load(context, stream(savedArchive([layer], null)), plain);
    expect(loaded).toEqual({ id: digestOf(configOf([layer])) });
  });

  test('tells when a name moves to another image', async () => {
    await images.load(context, stream(savedArchive([layer], ['a:1'])), plain);
    const before = images.get('a:1').id;
    const messages: string[] = [];
    const options = { ...plain, onMessage: (text: string) => messages.push(text) };
    await images.load(context, stream(savedArchive([upper], ['a:1'])), options);
    expect(messages).toEqual([
      `The image a:1 already exists, renaming the old one with ID ${before} to empty string\n`,
    ]);
    expect(images.get(before).tags).toEqual([]);
  });

  test('takes an OCI layout with compressed layers and a nested index, choosing the platform', async () => {
    const blobs: Record<string, Uint8Array> = {};
    const put = (data: string | Uint8Array): { digest: string; size: number } => {
      const bytes = Buffer.from(data as string);
      const hex = createHash('sha256').update(bytes).digest('hex');
      blobs[`blobs/sha256/${hex}`] = bytes;
      return { digest: `sha256:${hex}`, size: bytes.length };
    };
    const manifest = (architecture: string, bytes: Buffer): object => {
      const config = put(configOf([bytes], { architecture }));
      const document = put(JSON.stringify({ schemaVersion: 2, config, layers: [put(gzipSync(bytes))] }));
      return {
        ...document,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        platform: { os: 'linux', architecture },
      };
    };
    const index = put(
      JSON.stringify({ schemaVersion: 2, manifests: [manifest('amd64', layer), manifest('s390x', upper)] }),
    );
    const entry = {
      ...index,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      annotations: { 'io.containerd.image.name': 'docker.io/library/multi:1' },
    };
    const archive = tar({ ...blobs, 'index.json': JSON.stringify({ schemaVersion: 2, manifests: [entry] }) });
    const platform = { os: 'linux', architecture: 's390x' };
    expect(await images.load(context, stream(archive), { platform })).toMatchObject([
      { reference: 'multi:1' },
    ]);
    expect(images.get('multi:1').platform.architecture).toBe('s390x');
    expect(await Array.fromAsync(snapshots.layers())).toEqual([digestOf(upper)]);
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
    ['that is cut off', savedArchive([layer], null).subarray(0, 1_300), 'unexpected EOF'],
  ])('refuses an archive %s and keeps nothing', async (_, archive, message) => {
    await expect(images.load(context, stream(archive), plain)).rejects.toThrow(message);
    expect(images.list()).toEqual([]);
    expect(await Array.fromAsync(snapshots.layers())).toEqual([]);
    expect(await Array.fromAsync(content.list())).toEqual([]);
  });

  test('survives a restart of the daemon', async () => {
    await images.load(context, stream(savedArchive([layer], ['kept:1'])), plain);
    const again = await reopen();
    expect(again.get('kept:1')).toEqual(images.get('kept:1'));
  });
});

describe('import', () => {
  test('makes an image of one layer with the changes applied', async () => {
    const image = await images.import(context, stream(gzipSync(layer)), importOptions('base'));
    expect(image.tags).toEqual(['base:latest']);
    expect(image.config).toMatchObject({
      config: { Cmd: ['sh'] },
      rootfs: { diff_ids: [digestOf(layer)] },
      history: [{ comment: 'Imported from -' }],
    });
    expect(images.history('base')).toMatchObject([
      { id: image.id, size: layer.length, tags: ['base:latest'] },
    ]);
    expect(events).toEqual(['tag base:latest', `import ${image.id}`]);
  });
});

describe('get', () => {
  test('finds by name, ID and prefix, and says what is missing', async () => {
    const { id } = await images.import(context, stream(layer), importOptions('base:1'));
    for (const reference of [
      'base:1',
      'docker.io/library/base:1',
      id,
      id.slice(7),
      id.slice(7, 19),
      id.slice(0, 15),
    ]) {
      expect(images.get(reference).id).toBe(id);
    }
    expect(() => images.get('base')).toThrow('No such image: base:latest');
  });
});

describe('remove', () => {
  async function imported(...tags: string[]): Promise<string> {
    const image = await images.import(context, stream(layer), importOptions(tags[0] ?? ''));
    for (const tag of tags.slice(1)) await images.tag(context, image.id, tag);
    return image.id;
  }
  const gently = { force: false, prune: true };
  const forced = { force: true, prune: true };

  test('by one of several names only takes the name', async () => {
    const id = await imported('a:1', 'b:1');
    expect(await images.remove(context, 'a:1', gently)).toEqual([{ Untagged: 'a:1' }]);
    expect(images.get('b:1').id).toBe(id as `sha256:${string}`);
  });

  test('by the last name deletes image and layer', async () => {
    const id = await imported('a:1');
    const chain = digestOf(layer);
    expect(await images.remove(context, 'a:1', gently)).toEqual([
      { Untagged: 'a:1' },
      { Deleted: id },
      { Deleted: chain },
    ]);
    expect(await Array.fromAsync(snapshots.layers())).toEqual([]);
    expect(await Array.fromAsync(content.list())).toEqual([]);
  });

  test('by ID is refused when several repositories name it, unless forced', async () => {
    const id = await imported('a:1', 'b:1');
    const short = id.slice(7, 19);
    await expect(images.remove(context, id, gently)).rejects.toThrow(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
    expect(await images.remove(context, id, forced)).toHaveLength(4);
  });

  test('is refused while a container uses it', async () => {
    const id = await imported('a:1');
    users = [{ id: 'c'.repeat(64), running: true }];
    await expect(images.remove(context, id, forced)).rejects.toThrow(
      '(cannot be forced) - image is being used by running container cccccccccccc',
    );
    users = [{ id: 'c'.repeat(64), running: false }];
    await expect(images.remove(context, id, gently)).rejects.toThrow(
      '(must be forced) - image is being used by stopped container cccccccccccc',
    );
    await expect(images.remove(context, 'a:1', gently)).rejects.toThrow(
      'conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image',
    );
  });

  test('keeps a layer that another image has', async () => {
    await images.load(context, stream(savedArchive([layer, upper], ['two:1'])), plain);
    const { id } = await images.import(context, stream(layer), importOptions('one:1'));
    expect(await images.remove(context, 'one:1', gently)).toEqual([{ Untagged: 'one:1' }, { Deleted: id }]);
    expect(await snapshots.hasLayer(digestOf(layer))).toBe(true);
  });
});

test('collect drops what nothing refers to', async () => {
  const orphan = await snapshots.receive(context);
  await orphan.write(upper);
  await orphan.commit();
  await images.import(context, stream(layer), importOptions('base'));
  await images.collect(context);
  expect(await Array.fromAsync(snapshots.layers())).toEqual([digestOf(layer)]);
});
