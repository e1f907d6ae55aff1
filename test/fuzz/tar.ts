/**
 * A bounded fuzzer of the tar reader and the EROFS writer: changes valid archives at random and says so when anything but
 * a SampanError comes out, when reading takes too long, or when the image grows out of proportion.
 *
 * Usage: bun test/fuzz/tar.ts [seconds] [seed]
 */
import { SampanError } from '../../src/base/errors.ts';
import { LayerIndexer } from '../../src/oci/erofs/layer-indexer.ts';
import type { ImageSink } from '../../src/oci/erofs/sink.ts';
import { formatPax } from '../../src/oci/tar/pax.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';

const seconds = Number(process.argv[2] ?? 20);
let state = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const seed = state;

/** Milliseconds that one archive of at most a few hundred kilobytes may take. */
const TIME_LIMIT = 2000;
/** Bytes of an image, above what sparse files may need. */
const SIZE_LIMIT = 2 ** 27;

/** Park and Miller's generator: the same seed finds the same failure again. */
function random(below: number): number {
  state = (state * 48271) % 2147483647;
  return state % below;
}

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)] as T;
}

const words = [
  'a',
  'b',
  'dir',
  '..',
  '.',
  '',
  '.wh.a',
  '.wh..wh..opq',
  '.wh..wh.plnk',
  'x'.repeat(255),
  '\xff\x80',
];

function randomName(): string {
  return Array.from({ length: 1 + random(5) }, () => pick(words)).join('/');
}

function randomMember(): Buffer {
  const type = pick<TarHeader['type']>([
    'file',
    'file',
    'directory',
    'symlink',
    'hardlink',
    'fifo',
    'character',
  ]);
  const data = Buffer.alloc(type === 'file' ? random(5000) : 0, 'data');
  const header: TarHeader = {
    type,
    name: randomName(),
    linkName: randomName(),
    mode: random(0o10000),
    uid: random(100_000),
    seconds: random(2 ** 31) - 2 ** 30,
    nanoseconds: random(2) * random(1_000_000_000),
    size: data.length,
    xattrs: new Map(random(4) === 0 ? [[`user.${pick(words)}`, Buffer.alloc(random(300))]] : []),
  };
  const member = Buffer.concat([formatTarHeader(header), data, tarPadding(data.length)]);
  return random(10) === 0 ? Buffer.concat([randomExtension(), member]) : member;
}

const numbers = ['0', '1', '512', '5000', '1000000', '-1', '99999999999', '9007199254740993', '1.5', '', 'x'];

function randomExtension(): Buffer {
  const keys = [
    'path',
    'linkpath',
    'size',
    'uid',
    'mtime',
    'GNU.sparse.map',
    'GNU.sparse.size',
    'GNU.sparse.offset',
  ];
  keys.push(
    'GNU.sparse.numbytes',
    'GNU.sparse.major',
    'GNU.sparse.realsize',
    'GNU.sparse.name',
    'LIBARCHIVE.xattr.user.%6',
  );
  const value = (): string =>
    pick([...numbers, randomName(), Array.from({ length: random(9) }, () => pick(numbers)).join(',')]);
  const payload = formatPax(Array.from({ length: 1 + random(4) }, () => [pick(keys), value()]));
  const header = formatTarHeader({ type: 'file', name: 'pax', size: payload.length });
  header.write(pick(['x', 'g', 'L', 'K']), 156, 'latin1');
  return Buffer.concat([withChecksum(header, 0), payload, tarPadding(payload.length)]);
}

function withChecksum(archive: Buffer, at: number): Buffer {
  archive.write('        ', at + 148, 'latin1');
  const sum = archive.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  return archive;
}

/** Changes some bytes, with or without making the header's checksum right again; cuts, repeats or swaps blocks. */
function mutate(archive: Buffer): Buffer {
  for (let change = random(3); change > 0; change--) {
    const block = random(Math.max(1, archive.length / 512 - 1)) * 512;
    const kind = random(5);
    if (kind === 0) archive[random(archive.length)] = random(256);
    else if (kind === 1) archive = archive.subarray(0, random(archive.length) + 1);
    else if (kind === 2) archive.copy(archive, block, random(archive.length), archive.length);
    else if (block + 512 <= archive.length) {
      const fields = [0, 100, 108, 124, 136, 156, 156, 157, 257, 329, 345, 386, 482, 483];
      const field = pick(fields) + random(8);
      archive[block + field] = pick([0, 0x20, 0x30, 0x37, 0x39, 0x53, 0x78, 0x80, 0xff, random(256)]);
      withChecksum(archive, block);
    }
  }
  return archive;
}

/** Counts what is written; holes are free. */
class CountingSink implements ImageSink {
  bytes = 0;

  write(_offset: number, bytes: Uint8Array): void {
    this.bytes += bytes.length;
  }

  resize(): void {}
}

function index(archive: Buffer, sink: ImageSink): 'indexed' | 'refused' {
  try {
    const indexer = new LayerIndexer(sink);
    const step = 1 + random(3000);
    for (let at = 0; at < archive.length; at += step) indexer.write(archive.subarray(at, at + step));
    indexer.finish();
    return 'indexed';
  } catch (error) {
    if (error instanceof SampanError) return 'refused';
    throw error;
  }
}

function runOnce(archive: Buffer): 'indexed' | 'refused' {
  const sink = new CountingSink();
  const start = performance.now();
  const outcome = index(archive, sink);
  const time = performance.now() - start;
  if (time > TIME_LIMIT) throw new Error(`took ${time.toFixed(0)} ms`);
  if (sink.bytes > SIZE_LIMIT)
    throw new Error(`wrote ${sink.bytes} bytes for an archive of ${archive.length}`);
  return outcome;
}

const counts = { indexed: 0, refused: 0 };
const end = performance.now() + seconds * 1000;
while (performance.now() < end) {
  const members = Array.from({ length: 1 + random(12) }, randomMember);
  const archive = mutate(Buffer.concat([...members, tarEnd]));
  const copy = Buffer.from(archive);
  try {
    counts[runOnce(archive)]++;
  } catch (error) {
    const path = `/tmp/sampan-fuzz-tar-${seed}.tar`;
    await Bun.write(path, copy);
    console.error(`seed ${seed}: ${error instanceof Error ? error.stack : error}\nThe archive is ${path}`);
    process.exit(1);
  }
}
console.log(`seed ${seed}: ${counts.indexed} archives indexed, ${counts.refused} refused, no other outcome`);
