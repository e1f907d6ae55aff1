import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { background } from '../../base/context.ts';
import { followLinks } from './follow-links.ts';
import type { PackedTree } from './packed-tree.ts';
import { readFile } from './read-file.ts';
import { resolvePattern } from './resolve-paths.ts';
import { openTarTree } from './tar-tree.ts';
import { type Member, pieces, tarOf } from './testing/tars.ts';

const context = background();
const directory = mkdtempSync(join(tmpdir(), 'sampan-tars-'));
afterAll(() => {
  // Packs have no names, so nothing is left of those that failed.
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

async function open(bytes: Uint8Array, maxBytes = 1 << 30): Promise<PackedTree> {
  return (await openTarTree(context, pieces(bytes), { directory, zeroOwners: true, maxBytes })).tree;
}

const treeOf = (...members: Member[]): Promise<PackedTree> => open(tarOf(...members));

async function names(tree: PackedTree): Promise<string[]> {
  return (await Array.fromAsync(tree.list(context, '/'))).map(({ header }) => header.name);
}

const text = async (tree: PackedTree, path: string): Promise<string | undefined> =>
  (await readFile(context, tree, path, 1 << 20))?.toString();

describe("an archive's tree", () => {
  const members: Member[] = [
    { name: 'b', text: 'bee', uid: 5, gid: 6 },
    { name: 'a/' },
    { name: 'a/z', text: 'zed' },
  ];

  test.each([
    ['plain', (bytes: Uint8Array) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
    ['xz', (bytes: Uint8Array) => Bun.spawnSync(['xz', '-c'], { stdin: bytes }).stdout],
    ['bzip2', (bytes: Uint8Array) => Bun.spawnSync(['bzip2', '-c'], { stdin: bytes }).stdout],
  ] as const)('is read from %s', async (_, compress) => {
    using tree = await open(compress(tarOf(...members)));
    expect(await names(tree)).toEqual(['.', 'a', 'a/z', 'b']);
    expect(await text(tree, '/a/z')).toBe('zed');
    expect((await tree.stat(context, '/b'))?.header).toMatchObject({ uid: 0, gid: 0, size: 3 });
    expect(await tree.stat(context, '/b/c')).toBeUndefined();
  });

  test('has the last member of a name, and one content for hard links', async () => {
    using tree = await treeOf(
      { name: 'f', text: 'old' },
      { name: 'f', text: 'new' },
      { name: 'd/x', text: '' },
      { name: 'd', text: 'a file now' },
      { name: 'g', type: 'hardlink', linkName: 'f' },
    );
    expect(await names(tree)).toEqual(['.', 'd', 'f', 'g']);
    expect(await text(tree, '/g')).toBe('new');
    const parts = (await Array.fromAsync(tree.read(context, '/', (name) => name !== 'f'))).filter(
      (part) => 'name' in part,
    );
    expect(parts.map(({ type }) => type)).toEqual(['directory', 'file', 'file']);
  });

  test('reads any files back, whatever the order in the archive', async () => {
    const file = fc.tuple(fc.constantFrom('a', 'b', 'c/d', 'c/e', 'f/g/h'), fc.nat(200_000));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(file, { selector: ([name]) => name }), async (files) => {
        using tree = await treeOf(...files.map(([name, size]) => ({ name, text: name.padEnd(size, name) })));
        for (const [name, size] of files) expect(await text(tree, `/${name}`)).toBe(name.padEnd(size, name));
      }),
      { numRuns: 20 },
    );
  });

  test('fills the holes of sparse files, and has their content by where they are', async () => {
    const root = mkdtempSync(join(directory, 'sparse-'));
    Bun.spawnSync(
      [
        'sh',
        '-c',
        'truncate -s 1M f; printf hello | dd of=f bs=1 seek=500000 conv=notrunc; tar -S -cf f.tar f',
      ],
      { cwd: root },
    );
    using tree = await open(await Bun.file(join(root, 'f.tar')).bytes());
    expect(
      (await readFile(context, tree, '/f', 1 << 21))?.equals(
        await Bun.file(join(root, 'f')).bytes().then(Buffer.from),
      ),
    ).toBe(true);
    rmSync(root, { recursive: true });
  });

  test('has a digest of all but times and what is left out', async () => {
    using tree = await treeOf(
      { name: 'a', text: '1', seconds: 1 },
      { name: 'b/c', text: '2' },
      { name: 'b/d', text: '3' },
    );
    using same = await treeOf(
      { name: 'b/c', text: '2', uid: 9 },
      { name: 'b/d', text: '3' },
      { name: 'a', text: '1', seconds: 2 },
    );
    expect(same.digest).toBe(tree.digest);
    const without = tree.withoutFiles(['b/c', 'not/there']);
    expect(await names(without)).toEqual(['.', 'a', 'b', 'b/d']);
    using other = await treeOf({ name: 'a', text: '1' }, { name: 'b/d', text: '3' });
    expect(without.digest).toBe(other.digest);
    expect(without.digest).not.toBe(tree.digest);
  });
});

describe('a hostile archive', () => {
  test.each([
    ['a name that leads outside', [{ name: '../../etc/passwd', text: 'x' }], 'leads outside'],
    ['a hard link outside', [{ name: 'l', type: 'hardlink', linkName: '../../etc/shadow' }], 'leads outside'],
    [
      'a hard link to nothing',
      [{ name: 'l', type: 'hardlink', linkName: '/etc/shadow' }],
      'the target is not a file',
    ],
  ] as const)('with %s is refused', async (_, members, message) => {
    await expect(treeOf(...members)).rejects.toThrow(message);
  });

  test('puts files where its own links lead in the archive, never on this host', async () => {
    using tree = await treeOf(
      { name: 'l', type: 'symlink', linkName: '/../../tmp' },
      { name: 'l/x', text: 'x' },
      { name: '/absolute', text: 'y' },
    );
    expect(await names(tree)).toEqual(['.', 'absolute', 'l', 'tmp', 'tmp/x']);
    expect(await text(tree, '/l/x')).toBe('x');
  });

  test('cannot remove with whiteouts what it does not have', async () => {
    using tree = await treeOf(
      { name: 'a', text: '1' },
      { name: '.wh.b', text: '' },
      { name: 'd/.wh..wh..opq', text: '' },
    );
    expect(await names(tree)).toEqual(['.', 'a', 'd']);
  });

  test('that unpacks to more than is allowed is refused while it is read', async () => {
    await expect(
      open(gzipSync(tarOf({ name: 'bomb', text: '0'.repeat(50 << 20) })), 1 << 20),
    ).rejects.toThrow('more than the allowed 1048576 bytes');
  });

  test.each(['gzip', 'xz', 'bzip2'] as const)('whose %s data breaks off is refused', async (program) => {
    const text = Buffer.from(Array.from({ length: 90_000 }, (_, index) => (index * 7919) % 251)).toString(
      'latin1',
    );
    const whole = Bun.spawnSync([program, '-c'], { stdin: tarOf({ name: 'a', text }) }).stdout;
    await expect(open(whole.subarray(0, whole.length / 2))).rejects.toThrow(/data|EOF/);
  });
});

describe('paths in a tree', () => {
  test('follow links inside of it, 255 at most', async () => {
    const chain = Array.from(
      { length: 256 },
      (_, index): Member => ({ name: `l${index}`, type: 'symlink', linkName: `l${index + 1}` }),
    );
    using tree = await treeOf(
      ...chain,
      { name: 'l256', text: 'end' },
      { name: 'd/up', type: 'symlink', linkName: '../../../d/f' },
      { name: 'd/f', text: 'f' },
      { name: 'loop', type: 'symlink', linkName: 'loop' },
    );
    expect(await followLinks(context, tree, '/l1')).toBe('/l256');
    await expect(followLinks(context, tree, '/l0')).rejects.toThrow('"/l0": too many links');
    await expect(followLinks(context, tree, '/loop/x')).rejects.toThrow('too many links');
    expect(await followLinks(context, tree, '/d/up')).toBe('/d/f');
    expect(await followLinks(context, tree, '/no/../d/./f')).toBe('/d/f');
  });

  test('match patterns name by name, links to directories too', async () => {
    using tree = await treeOf(
      { name: 'a1/x.txt', text: '' },
      { name: 'a2/x.txt', text: '' },
      { name: 'a3', type: 'symlink', linkName: 'a1' },
      { name: 'b[1]/x.txt', text: '' },
      { name: '\xc3\xa9/x.txt', text: '' },
    );
    const paths = async (pattern: string): Promise<string[]> =>
      (await resolvePattern(context, tree, pattern)).map(({ path, real }) => `${path} ${real}`);
    expect(await paths('/a*/x.???')).toEqual([
      '/a1/x.txt /a1/x.txt',
      '/a2/x.txt /a2/x.txt',
      '/a3/x.txt /a1/x.txt',
    ]);
    expect(await paths('/b[[]1]/x.txt')).toEqual(['/b[1]/x.txt /b[1]/x.txt']);
    expect(await paths('/?/x.txt')).toEqual(['/\xc3\xa9/x.txt /\xc3\xa9/x.txt']);
    expect(await paths('/a*/none')).toEqual([]);
  });
});
