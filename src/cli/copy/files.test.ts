import { afterAll, describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readTar } from '../../oci/tar/archive.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { packFiles } from './pack.ts';
import { renamer } from './rename.ts';
import { unpackFiles } from './unpack.ts';

const home = mkdtempSync(join(tmpdir(), 'copy-files-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

let counter = 0;
function folder(): string {
  const path = join(home, String(counter++));
  mkdirSync(path);
  return path;
}

type Member = TarHeader & { readonly text?: string };

const file = (name: string, text = 'hostile'): Member => ({
  type: 'file',
  name,
  mode: 0o644,
  size: text.length,
  text,
});
const link = (name: string, linkName: string): Member => ({ type: 'symlink', name, linkName, mode: 0o777 });
const directory = (name: string, mode = 0o755): Member => ({ type: 'directory', name, mode });

async function* tarOf(members: readonly Member[]): AsyncGenerator<Uint8Array> {
  for (const member of members) {
    const text = Buffer.from(member.text ?? '');
    yield Buffer.concat([formatTarHeader(member), text, tarPadding(text.length)]);
  }
  yield tarEnd;
}

const plain = { rename: renamer(undefined), keepOwners: false };

function unpack(members: readonly Member[], into: string): Promise<unknown> {
  return unpackFiles(tarOf(members), into, plain);
}

/** All below a folder, by path. */
function contentOf(dir: string, below = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(dir, below))) {
    const path = join(below, name);
    const stat = lstatSync(join(dir, path));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(dir, path))}`;
    else if (stat.isDirectory()) Object.assign(found, { [path]: `/ ${mode}` }, contentOf(dir, path));
    else found[path] = `${mode} ${stat.nlink} ${readFileSync(join(dir, path), 'utf8')}`;
  }
  return found;
}

describe('a hostile archive writes nothing outside the destination:', () => {
  const attacks: readonly (readonly [string, readonly Member[], string])[] = [
    ['a name that climbs', [file('../outside/x')], 'leads out of the destination'],
    ['a name that climbs later', [file('a/../../outside/x')], 'leads out of the destination'],
    ['a link, then a file below it', [link('l', '../outside'), file('l/x')], 'is not a directory'],
    ['an absolute link, then a file below it', [link('l', 'OUTSIDE'), file('l/x')], 'is not a directory'],
    [
      'a link in a directory',
      [directory('d/'), link('d/l', '../../outside'), file('d/l/x')],
      'is not a directory',
    ],
    [
      'a link, then a directory in its place',
      [link('l', '../outside'), directory('l/'), file('l/x')],
      'cannot overwrite',
    ],
    [
      'a hard link that climbs',
      [{ type: 'hardlink', name: 'h', linkName: '../outside/victim' }],
      'leads out',
    ],
    [
      'a hard link through a link',
      [link('l', '../outside'), { type: 'hardlink', name: 'h', linkName: 'l/victim' }],
      'is not a directory',
    ],
    [
      'a hard link to a link, then data for it',
      [link('l', '../outside/victim'), { type: 'hardlink', name: 'h', linkName: 'l' }, file('h')],
      '',
    ],
    ['a link, then a file of its name', [link('l', '../outside/victim'), file('l')], ''],
    ['a file for the destination itself', [file('.')], 'the destination itself'],
    [
      'a hard link to the destination itself',
      [{ type: 'hardlink', name: 'h', linkName: '.' }],
      'the destination itself',
    ],
  ];

  test.each(attacks)('%s', async (_, members, complaint) => {
    const base = folder();
    const [outside, into] = [join(base, 'outside'), join(base, 'into')];
    mkdirSync(outside);
    mkdirSync(into);
    writeFileSync(join(outside, 'victim'), 'untouched');
    const placed = members.map((one) => ({
      ...one,
      ...(one.linkName === 'OUTSIDE' ? { linkName: outside } : {}),
    }));
    const failure = await unpack(placed, into).then(
      () => '',
      (reason: Error) => reason.message,
    );
    expect(failure).toContain(complaint);
    if (complaint === '') expect(failure).toBe('');
    expect(contentOf(outside)).toEqual({ victim: '644 1 untouched' });
    expect(readdirSync(base).sort()).toEqual(['into', 'outside']);
  });

  test('an absolute name lies below the destination', async () => {
    const into = folder();
    await unpack([file('/etc/x', 'inside')], into);
    expect(contentOf(into)).toEqual({ etc: '/ 755', 'etc/x': '644 1 inside' });
  });

  test('a directory that is swapped for a link while it is written to', async () => {
    const base = folder();
    const [outside, into] = [join(base, 'outside'), join(base, 'into')];
    mkdirSync(outside);
    mkdirSync(into);
    async function* archive(): AsyncGenerator<Uint8Array> {
      for await (const chunk of tarOf([directory('d/'), file('d/before')])) if (chunk !== tarEnd) yield chunk;
      renameSync(join(into, 'd'), join(into, 'moved'));
      symlinkSync(outside, join(into, 'd'));
      yield* tarOf([file('d/after')]);
    }
    await unpackFiles(archive(), into, plain);
    expect(readdirSync(outside)).toEqual([]);
    expect(readdirSync(join(into, 'moved')).sort()).toEqual(['after', 'before']);
  });
});

describe('unpacking', () => {
  test('keeps modes and times, of directories that forbid writing too', async () => {
    const into = folder();
    await unpack(
      [
        { ...directory('d/', 0o555), seconds: 1000 },
        { ...file('d/tool', 'x'), mode: 0o4751, seconds: 2000 },
        { ...link('d/l', 'tool'), seconds: 3000 },
      ],
      into,
    );
    expect(contentOf(into)).toEqual({ d: '/ 555', 'd/tool': '4751 1 x', 'd/l': '-> tool' });
    const times = ['d', 'd/tool', 'd/l'].map((path) => lstatSync(join(into, path)).mtimeMs);
    expect(times).toEqual([1_000_000, 2_000_000, 3_000_000]);
  });

  test('leaves the destination itself as it is', async () => {
    const into = folder();
    chmodSync(into, 0o711);
    await unpack([directory('./', 0o777), file('./a', 'x')], into);
    expect(lstatSync(into).mode & 0o777).toBe(0o711);
  });

  test('replaces files and links, also a file that has other names', async () => {
    const into = folder();
    writeFileSync(join(into, 'a'), 'old');
    linkSync(join(into, 'a'), join(into, 'other'));
    symlinkSync('other', join(into, 'l'));
    await unpack([file('a', 'new'), file('l', 'newer')], into);
    expect(contentOf(into)).toEqual({ a: '644 1 new', l: '644 1 newer', other: '644 1 old' });
  });

  test('lets no directory replace another kind of file, nor the reverse', async () => {
    const into = folder();
    mkdirSync(join(into, 'd'));
    writeFileSync(join(into, 'f'), '');
    await expect(unpack([file('d')], into)).rejects.toThrow(
      'cannot overwrite directory with non-directory "d"',
    );
    await expect(unpack([directory('f/')], into)).rejects.toThrow(
      'cannot overwrite non-directory with directory "f/"',
    );
  });

  test('makes hard links, holes and names that are not UTF-8', async () => {
    const into = folder();
    const name = 'caf\xe9';
    await unpack([file(name, 'x'), { type: 'hardlink', name: 'h', linkName: name, mode: 0o644 }], into);
    expect(
      readdirSync(into, { encoding: 'buffer' })
        .map((one) => one.toString('latin1'))
        .sort(),
    ).toEqual([name, 'h']);
    expect(lstatSync(join(into, 'h')).nlink).toBe(2);
  });

  test('leaves device nodes and FIFOs out, and says so', async () => {
    const into = folder();
    const members: Member[] = [
      { type: 'block', name: 'disk', mode: 0o666, major: 8, minor: 0 },
      { type: 'fifo', name: 'pipe', mode: 0o666 },
      file('a', 'x'),
    ];
    expect(await unpackFiles(tarOf(members), into, plain)).toEqual({ count: 2, first: 'disk' });
    expect(readdirSync(into)).toEqual(['a']);
  });

  test('keeps nothing of a file whose data break off', async () => {
    const into = folder();
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield formatTarHeader(file('a', 'x'.repeat(2000)));
      yield new Uint8Array(1000);
    }
    await expect(unpackFiles(broken(), into, plain)).rejects.toThrow('unexpected EOF');
    expect(readdirSync(into)).toEqual([]);
  });

  test('makes a sparse file with its holes', async () => {
    const source = folder();
    const into = folder();
    writeFileSync(join(source, 'sparse'), 'start');
    truncateSync(join(source, 'sparse'), 1 << 20);
    const made = Bun.spawnSync(['tar', '--sparse', '-C', source, '-cf', '-', 'sparse']).stdout;
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield made;
    }
    await unpackFiles(archive(), into, plain);
    const { size, blocks } = lstatSync(join(into, 'sparse'));
    expect({ size, isSparse: blocks < 64 }).toEqual({ size: 1 << 20, isSparse: true });
    expect(readFileSync(join(into, 'sparse'), 'utf8').startsWith('start\0')).toBe(true);
  });
});

describe('packing', () => {
  test('leaves sockets out, names further names of a file as links, keeps whole seconds', async () => {
    const source = folder();
    writeFileSync(join(source, 'b'), 'x');
    linkSync(join(source, 'b'), join(source, 'a'));
    using _ = Bun.listen({ unix: join(source, 'socket'), socket: { data() {} } });
    utimesSync(join(source, 'b'), 5.75, 5.75);
    const members: string[] = [];
    for await (const { entry } of readTar(packFiles(source, '.', renamer({ from: '.', to: 'new' })))) {
      members.push(`${entry.type} ${entry.name} ${entry.linkName}`);
      if (entry.name === 'new/a') expect([entry.seconds, entry.nanoseconds]).toEqual([5, 0]);
    }
    expect(members).toEqual(['directory new/ ', 'file new/a ', 'hardlink new/b new/a']);
  });

  test('a file that becomes shorter meanwhile is a failure', async () => {
    const source = folder();
    const path = join(source, 'log');
    writeFileSync(path, Buffer.alloc(4 << 20));
    const pieces = packFiles(path, 'log', renamer(undefined));
    await pieces.next();
    truncateSync(path, 10);
    const rest = async (): Promise<void> => {
      for await (const _ of pieces);
    };
    await expect(rest()).rejects.toThrow('became shorter');
  });
});

interface Tree {
  readonly [name: string]: Tree | string;
}

const names = fc
  .stringMatching(/^[a-zA-Z\u00e9 ._-]{1,120}$/)
  .filter((name) => name !== '.' && name !== '..');
const trees = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(names, fc.oneof({ depthSize: 'small' }, fc.string({ maxLength: 2000 }), tie('tree')), {
    maxKeys: 5,
  }),
})).tree;

function plant(dir: string, tree: Tree): void {
  for (const [name, value] of Object.entries(tree)) {
    const path = join(dir, name);
    if (typeof value === 'string') writeFileSync(path, value);
    else {
      mkdirSync(path);
      plant(path, value);
    }
  }
}

test('what is packed unpacks to the same files', async () => {
  await fc.assert(
    fc.asyncProperty(trees, async (tree) => {
      const [source, into] = [folder(), folder()];
      plant(source, tree);
      await unpackFiles(packFiles(source, '.', renamer(undefined)), into, plain);
      expect(contentOf(into)).toEqual(contentOf(source));
      for (const path of [source, into]) rmSync(path, { recursive: true });
    }),
    { numRuns: 60 },
  );
  expect(existsSync(home)).toBe(true);
});
