import { afterEach, beforeEach, expect, test } from 'bun:test';
import { closeSync, openSync, readSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../tar/writer.ts';
import { inventory, KernelBench } from '../testing/kernel-bench.ts';
import { makeOddTree } from '../testing/odd-tree.ts';

let bench: KernelBench;

beforeEach(async () => {
  bench = await KernelBench.open();
});

afterEach(() => bench[Symbol.asyncDispose]());

/** Archives `tree` with GNU tar, and compares what GNU tar and the kernel make of the archive. */
async function expectAsGnuTar(options: string): Promise<void> {
  bench.shell(`tar ${options} --numeric-owner -cf layer.tar -C tree .`);
  await expectLikeExtracted(bench);
}

async function expectLikeExtracted(bench: KernelBench): Promise<void> {
  bench.shell(
    `mkdir extracted; tar --xattrs --xattrs-include='*' -xpf layer.tar --numeric-owner -C extracted`,
  );
  await bench.index('layer.tar', 'layer.erofs');
  await bench.mount('layer.erofs', 'layer.tar', 'mounted');
  expect(inventory(join(bench.directory, 'mounted'))).toEqual(inventory(join(bench.directory, 'extracted')));
  await expectSound(bench);
}

/**
 * fsck.erofs knows no blocks of 512 bytes, so it gets an image of larger ones, of the same archive; and it reads behind each inode, even
 * the last one without attributes, so there must be something.
 */
async function expectSound(bench: KernelBench): Promise<void> {
  await bench.index('layer.tar', 'checked.erofs', { blockBits: 12 });
  bench.shell('truncate -s +4096 checked.erofs; fsck.erofs --device=layer.tar checked.erofs');
}

const pax = `--format=posix --xattrs --xattrs-include='*'`;

for (const [title, options] of [
  ['a pax archive', pax],
  ['a pax archive with sparse files of format 1.0', `${pax} --sparse --sparse-version=1.0`],
  ['a pax archive with sparse files of format 0.1', `${pax} --sparse --sparse-version=0.1`],
  ['a pax archive with sparse files of format 0.0', `${pax} --sparse --sparse-version=0.0`],
  ['a GNU archive', '--format=gnu'],
  ['a GNU archive with sparse files', '--format=gnu --sparse'],
  ['an old GNU archive with sparse files', '--format=oldgnu --sparse'],
] as const) {
  test(`image: ${title} reads as GNU tar extracts it`, async () => {
    bench.shell(makeOddTree);
    await expectAsGnuTar(options);
  });
}

for (const format of ['ustar', 'v7']) {
  test(`image: a ${format} archive reads as GNU tar extracts it`, async () => {
    bench.shell(`mkdir -p tree/dir; cd tree; echo hello > dir/file; ln dir/file hard; ln -s dir/file link; chmod 4711 dir/file
      head -c 100000 /dev/urandom > large; mkdir -p $(printf 'p%.0s' {1..60}); echo x > $(printf 'p%.0s' {1..60})/$(printf 'q%.0s' {1..30})`);
    await expectAsGnuTar(`--format=${format}`);
  });
}

test('image: many sparse runs at odd places read back', async () => {
  bench.shell(`mkdir tree; cd tree; truncate -s 40M odd
    for at in 4095 12288 81921 5000000 5004096 5012289 39999999; do head -c 5000 /dev/urandom | dd of=odd bs=1 seek=$at conv=notrunc status=none; done
    fallocate -d odd`);
  await expectAsGnuTar('--format=posix --sparse');
});

test('image: a sparse file of 5 GB needs little of the index and reads right', async () => {
  bench.shell(`mkdir tree; truncate -s 5G tree/huge; for at in 0 1234567 4999999999; do printf data$at | dd of=tree/huge bs=1 seek=$at conv=notrunc status=none; done
    tar --format=posix --sparse -cf layer.tar -C tree .`);
  await bench.index('layer.tar', 'layer.erofs');
  await bench.mount('layer.erofs', 'layer.tar', 'mounted');
  expect((await stat(join(bench.directory, 'layer.erofs'))).blocks * 512).toBeLessThan(512 * 1024);
  const path = join(bench.directory, 'mounted/huge');
  expect((await stat(path)).size).toBe(5 * 2 ** 30);
  const file = openSync(path, 'r');
  for (const at of [0, 1234567, 4999999999]) {
    const bytes = Buffer.alloc(64);
    readSync(file, bytes, 0, 64, at - Math.min(at, 8));
    expect(bytes.toString('latin1').replaceAll('\0', '')).toBe(`data${at}`);
  }
  closeSync(file);
});

test('image: whiteouts and opaque directories are as overlayfs wants them', async () => {
  bench.shell(
    `mkdir -p tree/opaque tree/dir; cd tree; touch .wh.gone dir/.wh.also opaque/.wh..wh..opq opaque/file dir/.wh..wh.plnk`,
  );
  bench.shell(`tar -cf layer.tar -C tree .`);
  await bench.index('layer.tar', 'layer.erofs');
  await bench.mount('layer.erofs', 'layer.tar', 'mounted');
  const names = bench.shell(
    `cd mounted; find . -mindepth 1 | sort; stat -c '%n %F %t:%T' gone dir/also; getfattr -n trusted.overlay.opaque opaque`,
  );
  expect(names.trim().split('\n')).toEqual([
    './dir',
    './dir/also',
    './gone',
    './opaque',
    './opaque/file',
    'gone character special file 0:0',
    'dir/also character special file 0:0',
    '# file: opaque',
    'trusted.overlay.opaque="y"',
  ]);
  await expectSound(bench);
});

test('image: 100,000 small files, half of them in one directory, are all there', async () => {
  async function* archive(): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < 100_000; index++) {
      const name = index < 50_000 ? `one/file-${index}` : `many/${index % 1000}/file-${index}`;
      const text = Buffer.from(`this is ${name}`);
      yield formatTarHeader({ type: 'file', name, mode: 0o644, size: text.length, seconds: index });
      yield text;
      yield tarPadding(text.length);
    }
    yield tarEnd;
  }
  const file = Bun.file(join(bench.directory, 'layer.tar')).writer();
  for await (const bytes of archive()) file.write(bytes);
  await file.end();
  await bench.index('layer.tar', 'layer.erofs');
  await bench.mount('layer.erofs', 'layer.tar', 'mounted');
  const counts = bench.shell('find mounted -type f | wc -l; ls mounted/one | wc -l; find mounted | wc -l');
  expect(counts.trim().split('\n')).toEqual(['100000', '50000', String(100_000 + 3 + 1000)]);
  expect(bench.shell('cat mounted/many/999/file-99999')).toBe('this is many/999/file-99999');
  expect((await stat(join(bench.directory, 'mounted/one/file-4321'))).mtimeMs).toBe(4_321_000);
}, 60_000);

const attributes = {
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.constant(0xfffffffe)),
  gid: fc.integer({ min: 0, max: 70_000 }),
  // ext4, where GNU tar extracts, drops the nanoseconds at its very first second, -2^31.
  seconds: fc.integer({ min: 1 - 2 ** 31, max: 2 ** 32 }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
};
const oddName = fc
  .uint8Array({ minLength: 1, maxLength: 240 })
  .map((bytes) => Buffer.from(bytes).toString('latin1').replace(/[/\0]/g, '_'))
  .filter((text) => !text.startsWith('.wh.'));
const oddTree = fc.array(
  fc.record({
    directories: fc.array(fc.record({ name: fc.oneof(fc.constantFrom('a', 'b'), oddName), ...attributes }), {
      maxLength: 5,
    }),
    leaf: fc.record({
      name: oddName,
      type: fc.constantFrom<TarHeader['type']>('file', 'file', 'symlink', 'fifo', 'character'),
      size: fc.integer({ min: 0, max: 3000 }),
      ...attributes,
    }),
  }),
  { maxLength: 30 },
);

/** An archive in which every directory is explicit, as only then GNU tar knows what it shall be like. */
function archiveOf(tree: typeof oddTree extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const members = new Map<string, Uint8Array[]>();
  for (const [index, { directories, leaf }] of tree.entries()) {
    let path = '';
    for (const directory of directories) {
      path += `${directory.name}-/`;
      if (!members.has(path))
        members.set(path, [formatTarHeader({ ...directory, type: 'directory', name: path })]);
    }
    const name = `${path}${leaf.name}.${index}`;
    const data = Buffer.alloc(leaf.type === 'file' ? leaf.size : 0, 'some bytes');
    const linkName = leaf.type === 'symlink' ? leaf.name.repeat(17).slice(0, 4095) : '';
    const header = formatTarHeader({
      ...leaf,
      name,
      linkName,
      size: data.length,
      major: leaf.mode & 0xff,
      minor: leaf.gid,
    });
    members.set(name, [header, data, tarPadding(data.length)]);
  }
  const root = formatTarHeader({ type: 'directory', name: './', mode: 0o755 });
  // GNU tar sets a directory's time when it leaves it, so all of a directory comes in one piece.
  const sorted = [...members].sort(([left], [right]) => (left < right ? -1 : 1));
  return Buffer.concat([root, ...sorted.flatMap(([, blocks]) => blocks), tarEnd]);
}

test('image: any tree of odd names reads as GNU tar extracts it', async () => {
  await fc.assert(
    fc.asyncProperty(oddTree, async (tree) => {
      await using own = await KernelBench.open();
      await writeFile(join(own.directory, 'layer.tar'), archiveOf(tree));
      await expectLikeExtracted(own);
    }),
    { numRuns: 8 },
  );
}, 60_000);
