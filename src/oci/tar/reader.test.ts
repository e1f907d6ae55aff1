import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { SampanError } from '../../base/errors.ts';
import { shell } from '../testing/kernel-bench.ts';
import { readTar } from './archive.ts';
import { fromText, type TarEntry } from './entry.ts';
import type { TarLimits } from './limits.ts';
import { formatPax } from './pax.ts';
import { TarReader } from './reader.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from './writer.ts';

interface Member {
  readonly entry: TarEntry;
  readonly data: string;
}

/** All members, the archive fed in pieces of `step` bytes. */
function read(archive: Uint8Array, step = archive.length, limits: Partial<TarLimits> = {}): Member[] {
  const reader = new TarReader(limits);
  const members: { entry: TarEntry; data: string }[] = [];
  for (let at = 0; at < archive.length; at += step) {
    for (const event of reader.feed(archive.subarray(at, at + step))) {
      const last = members.at(-1);
      if (!(event instanceof Uint8Array)) members.push({ entry: event, data: '' });
      else if (last !== undefined) last.data += Buffer.from(event).toString('latin1');
    }
  }
  reader.finish();
  return members;
}

function archiveOf(...members: (TarHeader & { readonly text?: string })[]): Buffer {
  const blocks = members.map(({ text = '', ...header }) => {
    const data = Buffer.from(text, 'latin1');
    return Buffer.concat([formatTarHeader({ ...header, size: data.length }), data, tarPadding(data.length)]);
  });
  return Buffer.concat([...blocks, tarEnd]);
}

/** A header block with its checksum made right again after a change. */
function patched(header: Buffer, change: (block: Buffer) => void): Buffer {
  const block = Buffer.from(header);
  change(block);
  block.write('        ', 148, 'latin1');
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function withType(header: TarHeader, typeflag: string): Buffer {
  return patched(formatTarHeader(header), (block) => block.write(typeflag, 156, 'latin1'));
}

/** A pax extended header of `typeflag` x or g. */
function paxHeader(typeflag: string, records: [string, string][]): Buffer {
  const payload = formatPax(records);
  const header = withType({ type: 'file', name: 'pax', size: payload.length }, typeflag);
  return Buffer.concat([header, payload, tarPadding(payload.length)]);
}

describe('archives of GNU tar', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sampan-tar-'));
    shell(
      directory,
      `mkdir -p tree/dir; cd tree; printf hello > dir/file; ln dir/file hard; ln -s dir/file link; mkfifo pipe; mknod null c 1 3
       touch -d '2001-02-03 04:05:06.789' dir/file; chown 70000:3000000 dir/file; chmod 4750 dir/file
       truncate -s 200K sparse; printf middle | dd of=sparse bs=1 seek=102400 conv=notrunc status=none
       printf long > dir/$(printf 'n%.0s' {1..150}); ln -s $(printf 't%.0s' {1..150}) far; touch "$(printf 'caf\\xe9')"`,
    );
  });

  afterAll(() => rm(directory, { recursive: true }));

  const formats = [
    '--format=posix',
    '--format=gnu',
    '--format=oldgnu --sparse',
    '--format=posix --sparse --sparse-version=0.0',
    '--format=posix --sparse --sparse-version=0.1',
    '--format=posix --sparse --sparse-version=1.0',
  ];
  for (const options of formats) {
    test(`reader: ${options} gives names, attributes and data`, async () => {
      shell(directory, `tar ${options} --sort=name -cf layer.tar -C tree .`);
      const archive = await readFile(join(directory, 'layer.tar'));
      const members = new Map(read(archive).map((member) => [member.entry.name, member]));
      const file = members.get('./dir/file');
      const fraction = options.includes('posix') ? 789_000_000 : 0;
      expect(file?.entry).toMatchObject({ type: 'file', mode: 0o4750, uid: 70000, gid: 3000000, size: 5 });
      expect(file?.entry).toMatchObject({ seconds: 981173106, nanoseconds: fraction });
      expect(file?.data).toBe('hello');
      expect(members.get('./hard')?.entry).toMatchObject({
        type: 'hardlink',
        linkName: './dir/file',
        size: 0,
      });
      expect(members.get('./link')?.entry).toMatchObject({ type: 'symlink', linkName: 'dir/file' });
      expect(members.get('./far')?.entry.linkName).toBe('t'.repeat(150));
      expect(members.get('./pipe')?.entry.type).toBe('fifo');
      expect(members.get('./null')?.entry).toMatchObject({ type: 'character', major: 1, minor: 3 });
      expect(members.get('./caf\xe9')?.entry.type).toBe('file');
      expect(members.get(`./dir/${'n'.repeat(150)}`)?.data).toBe('long');
      const sparse = members.get('./sparse');
      expect(sparse?.entry.size).toBe(204800);
      if (options.includes('sparse')) {
        expect(sparse?.entry.extents).toEqual([{ offset: 102400, length: sparse?.entry.dataSize ?? 0 }]);
        expect(sparse?.data.startsWith('middle\0')).toBe(true);
      } else expect(sparse?.data.slice(102400, 102406)).toBe('middle');
    });

    test(`reader: ${options} reads the same in pieces of any size`, async () => {
      shell(directory, `tar ${options} --sort=name -cf layer.tar -C tree .`);
      const archive = await readFile(join(directory, 'layer.tar'));
      const whole = read(archive);
      for (const step of [1, 7, 511, 512, 513, 4096]) expect(read(archive, step)).toEqual(whole);
    });
  }
});

test('reader: what the writer writes reads back', () => {
  const bytes = (max: number): fc.Arbitrary<string> =>
    fc
      .uint8Array({ minLength: 1, maxLength: max })
      .map((codes) => Buffer.from(codes).toString('latin1').replaceAll('\0', 'x'))
      .filter((text) => !text.endsWith('/'));
  const header = fc.record({
    type: fc.constantFrom<TarHeader['type']>('file', 'directory', 'symlink', 'hardlink', 'fifo', 'block'),
    name: bytes(400),
    linkName: bytes(300),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.integer({ min: 0, max: 0xfffffffe }),
    gid: fc.integer({ min: 0, max: 0xfffffffe }),
    userName: bytes(50),
    groupName: bytes(50),
    seconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    major: fc.integer({ min: 0, max: 4095 }),
    minor: fc.integer({ min: 0, max: 1_048_575 }),
    xattrs: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('a', '=', '%', '.', 'D', '3') }),
      fc.uint8Array({ maxLength: 50 }),
    ),
    text: fc.string({ maxLength: 2000, unit: fc.constantFrom('a', '\0', 'z') }),
  });
  fc.assert(
    fc.property(fc.array(header, { maxLength: 8 }), fc.integer({ min: 1, max: 2000 }), (headers, step) => {
      const expected = headers.map(({ text, xattrs, ...rest }) => ({
        ...rest,
        text: rest.type === 'file' ? text : '',
        xattrs: new Map(Object.entries(xattrs).map(([name, value]) => [`user.${name}`, value])),
      }));
      const members = read(archiveOf(...expected), step);
      expect(members.length).toBe(expected.length);
      for (const [index, { entry, data }] of members.entries()) {
        const { text, xattrs, major, minor, ...rest } = expected[index] ?? headers[0] ?? { text: '' };
        expect(entry).toMatchObject(rest);
        expect(data).toBe(text);
        if (entry.type === 'block') expect(entry).toMatchObject({ major, minor });
        const found = [...(entry.xattrs ?? [])].map(([name, value]) => [name, [...value]]);
        expect(found).toEqual(
          [...((xattrs as Map<string, Uint8Array>) ?? [])].map(([name, value]) => [name, [...value]]),
        );
      }
    }),
    { numRuns: 60 },
  );
});

test('reader: a global pax header holds until it is changed', () => {
  const archive = Buffer.concat([
    paxHeader('g', [
      ['uname', 'global'],
      ['mtime', '5.5'],
    ]),
    formatTarHeader({ type: 'directory', name: 'a' }),
    paxHeader('x', [['uname', 'local']]),
    formatTarHeader({ type: 'directory', name: 'b' }),
    formatTarHeader({ type: 'directory', name: 'c' }),
    paxHeader('g', [['uname', '']]),
    formatTarHeader({ type: 'directory', name: 'd' }),
    tarEnd,
  ]);
  const entries = read(archive).map(({ entry }) => entry);
  expect(entries.map((entry) => entry.userName)).toEqual(['global', 'local', 'global', '']);
  expect(entries.map((entry) => entry.nanoseconds)).toEqual([5e8, 5e8, 5e8, 5e8]);
});

test('reader: extended attributes of libarchive are understood', () => {
  const archive = Buffer.concat([
    paxHeader('x', [['LIBARCHIVE.xattr.user.a%20b', Buffer.from('va\0lue').toString('base64')]]),
    formatTarHeader({ type: 'file', name: 'file' }),
    tarEnd,
  ]);
  const [member] = read(archive);
  expect(Buffer.from(member?.entry.xattrs?.get('user.a b') ?? '').toString()).toBe('va\0lue');
});

test('reader: base-256 numbers may be large or negative', () => {
  const header = formatTarHeader({ type: 'directory', name: 'd' });
  const block = patched(header, (bytes) => {
    bytes.fill(0, 108, 116).writeUInt32BE(0x80000000, 108);
    bytes.writeUInt32BE(3_000_000_000, 112);
    bytes.fill(0xff, 136, 148).writeInt32BE(-10, 144);
  });
  expect(read(Buffer.concat([block, tarEnd]))[0]?.entry).toMatchObject({ uid: 3_000_000_000, seconds: -10 });
});

test('reader: sums of signed characters are accepted', () => {
  const block = formatTarHeader({ type: 'directory', name: fromText('größe') });
  let sum = 8 * 32;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte > 127 ? byte - 256 : byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  expect(read(block)[0]?.entry.name).toBe(fromText('größe'));
});

test('reader: end markers and padding may be missing, or followed by anything', () => {
  const archive = archiveOf({ type: 'file', name: 'a', text: 'x' });
  expect(read(archive.subarray(0, 513))).toHaveLength(1);
  expect(read(archive.subarray(0, 1024 + 512))).toHaveLength(1);
  expect(read(Buffer.concat([archive, Buffer.alloc(3000, 'junk')]))).toHaveLength(1);
  expect(read(Buffer.alloc(0))).toHaveLength(0);
});

test('reader: a directory of a v7 archive is told by its slash', () => {
  const block = patched(formatTarHeader({ type: 'file', name: 'dir/' }), (bytes) => {
    bytes.fill(0, 156, 157).fill(0, 257, 512);
  });
  expect(read(block)[0]?.entry.type).toBe('directory');
});

describe('broken and hostile archives are refused', () => {
  const header = formatTarHeader({ type: 'file', name: 'file', size: 5 });
  const sparse = (map: string, size: string, stored: number): Buffer =>
    Buffer.concat([
      paxHeader('x', [
        ['GNU.sparse.size', size],
        ['GNU.sparse.map', map],
      ]),
      formatTarHeader({ type: 'file', name: 'sparse', size: stored }),
      Buffer.alloc(1024),
    ]);
  const cases: [title: string, archive: Uint8Array, message: string][] = [
    ['text', Buffer.alloc(600, 'no archive at all. '), 'invalid tar header'],
    ['a wrong checksum', patched(header, () => {}).fill('9', 148, 150), 'invalid tar header'],
    ['a block after one zero block', Buffer.concat([Buffer.alloc(512), header]), 'invalid tar header'],
    ['an end within a header', header.subarray(0, 100), 'unexpected EOF'],
    ['an end within data', Buffer.concat([header, Buffer.alloc(3)]), 'unexpected EOF'],
    ['an end after an extended header', paxHeader('x', [['path', 'x']]), 'unexpected EOF'],
    ['an unknown kind of member', withType({ type: 'file', name: 'x' }, 'Q'), 'unhandled tar header type 81'],
    [
      'an uid of -1',
      Buffer.concat([paxHeader('x', [['uid', '4294967295']]), header]),
      'uid 4294967295 out of range',
    ],
    ['a NUL in a name', Buffer.concat([paxHeader('x', [['path', 'a\0b']]), header]), 'NUL in a name'],
    ['a size that is no number', Buffer.concat([paxHeader('x', [['size', '0x10']]), header]), 'bad number'],
    ['a negative size', Buffer.concat([paxHeader('x', [['size', '-5']]), header]), 'negative size'],
    ['an enormous size', Buffer.concat([paxHeader('x', [['size', String(2 ** 50)]]), header]), 'larger than'],
    ['a large pax header', paxHeader('x', [['comment', 'x'.repeat(1 << 20)]]), 'extended header of'],
    [
      'a long name',
      Buffer.concat([paxHeader('x', [['path', 'x'.repeat(5000)]]), header]),
      'name longer than 4096',
    ],
    ['overlapping runs', sparse('0,10,5,10', '100', 20), 'out of order'],
    ['runs outside the file', sparse('0,10,95,10', '100', 20), 'out of order'],
    ['runs longer than the data', sparse('0,10', '100', 9), 'does not match'],
    ['half a run', sparse('0,10,20', '100', 10), 'odd length'],
    ['a pax record without end', patchedPax('99 path=x\n'), 'malformed pax record'],
    ['a pax record without key', patchedPax('6 =xy\n'), 'malformed pax record'],
    ['a pax record of no length', patchedPax('path=x\n'), 'malformed pax record'],
    [
      'only extended headers',
      Buffer.concat(Array(20).fill(paxHeader('x', [['path', 'x']]))),
      'too many extended',
    ],
  ];
  for (const [title, archive, message] of cases) {
    test(`reader: ${title}`, () => {
      expect(() => read(archive)).toThrow(SampanError);
      expect(() => read(archive)).toThrow(message);
    });
  }

  test('reader: more runs of data than allowed, counted over all sparse files', () => {
    const file = Buffer.concat([sparse('0,512', '512', 512).subarray(0, -512)]);
    const archive = Buffer.concat([file, file, tarEnd]);
    expect(read(archive, 512, { extents: 2 })).toHaveLength(2);
    expect(() => read(archive, 512, { extents: 1 })).toThrow('too many runs');
  });

  test('reader: more members than allowed', () => {
    const archive = archiveOf({ type: 'directory', name: 'a' }, { type: 'directory', name: 'b' });
    expect(() => read(archive, 512, { entries: 1 })).toThrow('more than 1 members');
  });
});

function patchedPax(text: string): Buffer {
  const payload = Buffer.from(text);
  const block = withType({ type: 'file', name: 'pax', size: payload.length }, 'x');
  return Buffer.concat([block, payload, tarPadding(payload.length)]);
}

test('readTar: members come with their data, and what is not read is skipped', async () => {
  const archive = archiveOf(
    { type: 'file', name: 'skipped', text: 'x'.repeat(2000) },
    { type: 'file', name: 'read', text: 'y'.repeat(2000) },
    { type: 'file', name: 'begun', text: 'z'.repeat(2000) },
    { type: 'file', name: 'last', text: 'end' },
  );
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < archive.length; at += 700) yield archive.subarray(at, at + 700);
  }
  const seen: string[] = [];
  for await (const member of readTar(source())) {
    seen.push(member.entry.name);
    if (member.entry.name === 'read') expect(await member.text(2000)).toBe('y'.repeat(2000));
    if (member.entry.name === 'begun') {
      for await (const chunk of member.body()) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
    }
    if (member.entry.name === 'last') await expect(member.text(2)).rejects.toThrow('larger than 2 bytes');
  }
  expect(seen).toEqual(['skipped', 'read', 'begun', 'last']);
});
