import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../oci/digest.ts';
import type { StoredImages } from './images.ts';
import { savedArchive, stream, tar } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';

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

function importOptions(reference: string): Parameters<StoredImages['import']>[2] {
  return { reference, message: '', changes: ['CMD ["sh"]'], platform: undefined, source: '-' };
}

describe('import', () => {
  test('makes an image of one layer with the changes applied', async () => {
    const image = await images.import(bench.context, stream(gzipSync(layer)), importOptions('base'));
    expect(image.tags).toEqual(['base:latest']);
    expect(image.config).toMatchObject({
      config: { Cmd: ['sh'] },
      rootfs: { diff_ids: [digestOf(layer)] },
      history: [{ comment: 'Imported from -' }],
    });
    expect(images.history('base')).toMatchObject([
      { id: image.id, size: layer.length, tags: ['base:latest'] },
    ]);
    expect(bench.events).toEqual(['tag base:latest', `import ${image.id}`]);
  });
});

describe('import', () => {
  test('takes a message and a platform', async () => {
    const options = {
      ...importOptions('base'),
      message: 'from the attic',
      platform: { os: 'linux', architecture: 'arm', variant: 'v6' },
    };
    const image = await images.import(bench.context, stream(layer), options);
    expect(image.platform).toEqual(options.platform);
    expect(image.config).toMatchObject({
      comment: 'from the attic',
      history: [{ comment: 'from the attic' }],
    });
    const windows = { ...options, platform: { os: 'windows', architecture: 'amd64' } };
    await expect(images.import(bench.context, stream(layer), windows)).rejects.toThrow(
      'operating system is not supported',
    );
  });
});

describe('get', () => {
  test('finds by name, ID and prefix, and says what is missing', async () => {
    const { id } = await images.import(bench.context, stream(layer), importOptions('base:1'));
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
    const image = await images.import(bench.context, stream(layer), importOptions(tags[0] ?? ''));
    for (const tag of tags.slice(1)) await images.tag(bench.context, image.id, tag);
    return image.id;
  }
  const gently = { force: false, prune: true };
  const forced = { force: true, prune: true };

  test('by one of several names only takes the name', async () => {
    const id = await imported('a:1', 'b:1');
    expect(await images.remove(bench.context, 'a:1', gently)).toEqual([{ Untagged: 'a:1' }]);
    expect(images.get('b:1').id).toBe(id as `sha256:${string}`);
  });

  test('by the last name deletes image and layer', async () => {
    const id = await imported('a:1');
    const chain = digestOf(layer);
    expect(await images.remove(bench.context, 'a:1', gently)).toEqual([
      { Untagged: 'a:1' },
      { Deleted: id },
      { Deleted: chain },
    ]);
    expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([]);
    expect(await Array.fromAsync(bench.content.list())).toEqual([]);
  });

  test('by ID is refused when several repositories name it, unless forced', async () => {
    const id = await imported('a:1', 'b:1');
    const short = id.slice(7, 19);
    await expect(images.remove(bench.context, id, gently)).rejects.toThrow(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    );
    expect(await images.remove(bench.context, id, forced)).toHaveLength(4);
  });

  test('is refused while a container uses it', async () => {
    const id = await imported('a:1');
    bench.users = [{ id: 'c'.repeat(64), running: true }];
    await expect(images.remove(bench.context, id, forced)).rejects.toThrow(
      '(cannot be forced) - image is being used by running container cccccccccccc',
    );
    bench.users = [{ id: 'c'.repeat(64), running: false }];
    await expect(images.remove(bench.context, id, gently)).rejects.toThrow(
      '(must be forced) - image is being used by stopped container cccccccccccc',
    );
    await expect(images.remove(bench.context, 'a:1', gently)).rejects.toThrow(
      'conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image',
    );
  });

  test('keeps a layer that another image has', async () => {
    await images.load(bench.context, stream(savedArchive([layer, upper], ['two:1'])), plain);
    const { id } = await images.import(bench.context, stream(layer), importOptions('one:1'));
    expect(await images.remove(bench.context, 'one:1', gently)).toEqual([
      { Untagged: 'one:1' },
      { Deleted: id },
    ]);
    expect(await bench.snapshots.hasLayer(digestOf(layer))).toBe(true);
  });
});

test('collect drops what nothing refers to', async () => {
  const orphan = await bench.snapshots.receive(bench.context);
  await orphan.write(upper);
  await orphan.commit();
  await images.import(bench.context, stream(layer), importOptions('base'));
  await images.collect(bench.context);
  expect(await Array.fromAsync(bench.snapshots.layers())).toEqual([digestOf(layer)]);
});
