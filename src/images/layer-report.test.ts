import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../oci/digest.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../oci/tar/writer.ts';
import type { PathChange } from './contract.ts';
import type { StoredImages } from './images.ts';
import { configOf, savedArchive, stream } from './testing/archives.ts';
import { ImageBench } from './testing/image-bench.ts';
import { layoutOf } from './testing/layout.ts';

const plain = { platform: undefined };

let bench: ImageBench;
let images: StoredImages;

beforeEach(async () => {
  bench = new ImageBench();
  images = await bench.open();
});
afterEach(() => bench[Symbol.dispose]());

type Member = Partial<TarHeader> & { readonly name: string };

/** Names ending in "/" are directories, others are files of `size` bytes, or what `type` says. */
function layerOf(...members: Member[]): Buffer {
  const parts = members.flatMap((member) => {
    const type = member.type ?? (member.name.endsWith('/') ? 'directory' : 'file');
    const size = type === 'file' ? (member.size ?? 0) : 0;
    const header = formatTarHeader({ mode: type === 'directory' ? 0o755 : 0o644, ...member, type, size });
    return [header, Buffer.alloc(size), tarPadding(size)];
  });
  return Buffer.concat([...parts, tarEnd]);
}

/** What the last of the layers changes, as "+path bytes", "~path bytes", "-path bytes". */
async function changes(...layers: Buffer[]): Promise<string[]> {
  const archive = savedArchive(layers, ['a:1']);
  await images.load(bench.context, stream(archive, 100_000), plain);
  const top = digestOf(layers.at(-1) ?? '');
  const signs: Record<PathChange['kind'], string> = { added: '+', changed: '~', removed: '-' };
  const found = await Array.fromAsync(images.layerChanges(bench.context, 'a:1', top));
  return found.map(({ kind, path, bytes }) => `${signs[kind]}${path} ${bytes}`);
}

const base = layerOf(
  { name: 'etc/' },
  { name: 'etc/motd', size: 10 },
  { name: 'etc/issue', size: 20 },
  { name: 'usr/' },
  { name: 'usr/lib/' },
  { name: 'usr/lib/a', size: 100 },
  { name: 'usr/lib.conf', size: 1 },
);

describe('layerChanges', () => {
  test('of the first layer are all its paths, in their order', async () => {
    expect(await changes(base)).toEqual([
      '+/etc 0',
      '+/etc/issue 20',
      '+/etc/motd 10',
      '+/usr 0',
      '+/usr/lib 0',
      '+/usr/lib.conf 1',
      '+/usr/lib/a 100',
    ]);
  });

  test('tell what is new and what is another', async () => {
    const upper = layerOf({ name: 'etc/' }, { name: 'etc/motd', size: 11 }, { name: 'etc/new', size: 5 });
    expect(await changes(base, upper)).toEqual(['~/etc/motd 11', '+/etc/new 5']);
  });

  test('tell of a directory that it was changed only when its owner or permissions were', async () => {
    const upper = layerOf({ name: 'etc/', mode: 0o700 }, { name: 'usr/', seconds: 5 });
    expect(await changes(base, upper)).toEqual(['~/etc 0']);
  });

  test('of a whiteout are all that it hides', async () => {
    const upper = layerOf({ name: 'usr/.wh.lib' }, { name: '.wh.missing' });
    expect(await changes(base, upper)).toEqual(['-/usr/lib 0', '-/usr/lib/a 100']);
  });

  test('of an opaque directory are all that was in it, unless it is there again', async () => {
    const upper = layerOf({ name: 'etc/' }, { name: 'etc/.wh..wh..opq' }, { name: 'etc/motd', size: 10 });
    expect(await changes(base, upper)).toEqual(['-/etc/issue 20', '~/etc/motd 10']);
  });

  test('of a file in the place of a directory, and the other way round', async () => {
    const upper = layerOf(
      { name: 'usr/lib', size: 3 },
      { name: 'etc/motd/' },
      { name: 'etc/motd/x', size: 2 },
    );
    expect(await changes(base, upper)).toEqual([
      '~/etc/motd 0',
      '+/etc/motd/x 2',
      '~/usr/lib 3',
      '-/usr/lib/a 100',
    ]);
  });

  test('count a hard link once', async () => {
    const upper = layerOf({ name: 'one', size: 7 }, { name: 'two', type: 'hardlink', linkName: 'one' });
    expect(await changes(base, upper)).toEqual(['+/one 7', '+/two 0']);
  });

  test('pass over data without reading them', async () => {
    const read = bench.content.read.bind(bench.content);
    let bytes = 0;
    bench.content.read = async function* (digest, range) {
      for await (const chunk of read(digest, range)) {
        for (let at = 0; at < chunk.length; at += 65_536) {
          const part = chunk.subarray(at, at + 65_536);
          bytes += part.length;
          yield part;
        }
      }
    };
    const large = layerOf({ name: 'large', size: 20_000_000 }, { name: 'small', size: 1 });
    expect(await changes(large)).toEqual(['+/large 20000000', '+/small 1']);
    expect(bytes).toBeLessThan(1_000_000);
  });

  test('of a layer that the image has not fail', async () => {
    await changes(base);
    const wanted = images.layerChanges(bench.context, 'a:1', digestOf('x'));
    await expect(Array.fromAsync(wanted)).rejects.toThrow('No such layer');
  });
});

describe('layers', () => {
  test('add up what each does and wastes', async () => {
    const upper = layerOf({ name: 'etc/motd', size: 11 }, { name: '.wh.usr' }, { name: 'new', size: 2 });
    const history = [
      { created_by: 'ADD base' },
      { created_by: 'ENV a=b', empty_layer: true },
      { created_by: 'RUN it' },
    ];
    const archive = savedArchive([base, upper], ['a:1'], configOf([base, upper], { history }));
    await images.load(bench.context, stream(archive), plain);
    expect(await images.layers(bench.context, 'a:1')).toMatchObject([
      {
        diffId: digestOf(base),
        createdBy: 'ADD base',
        size: base.length,
        digests: [],
        files: 4,
        added: { count: 7, bytes: 131 },
        wasted: 0,
      },
      {
        diffId: digestOf(upper),
        createdBy: 'RUN it',
        files: 2,
        added: { count: 1, bytes: 2 },
        changed: { count: 1, bytes: 11 },
        removed: { count: 4, bytes: 101 },
        wasted: 111,
      },
    ]);
  });

  test('name the compressed forms that are kept', async () => {
    const compressed = gzipSync(base);
    const layout = layoutOf(configOf([base]), [compressed], 'docker.io/library/a:1');
    await images.load(bench.context, stream(layout.archive), plain);
    const [layer] = await images.layers(bench.context, 'a:1');
    expect(layer?.digests).toEqual([digestOf(compressed)]);
    expect(layer?.diskSize).toBe(base.length + compressed.length + 4_096);
  });
});
