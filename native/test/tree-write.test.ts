import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename } from 'node:path';
import type { TarHeader } from '../../src/oci/tar/writer.ts';
import { HOST, type Operation } from '../../src/plan/operations.ts';
import type { TreePart } from '../../src/runtime/trees/contract.ts';
import {
  contents,
  context,
  file,
  partsOf,
  rejection,
  TreesFixture,
} from '../../src/runtime/trees/testing/fixture.ts';
import { binaries } from './fixture.ts';

const replace = { keepKinds: false };
const keep = { keepKinds: true };

function directory(name: string, header: Partial<TarHeader> = {}): TreePart {
  return { mode: 0o755, ...header, type: 'directory', name };
}

function symlink(name: string, linkName: string): TreePart {
  return { type: 'symlink', name, linkName };
}

function hardlink(name: string, linkName: string): TreePart {
  return { type: 'hardlink', name, linkName };
}

describe.each(binaries.map((binary) => [basename(binary), binary]))(
  'writing a tree with %s',
  (_name, binary) => {
    let fixture: TreesFixture;
    let made = 0;
    /** A new directory in the tree: its name there, and its host path. */
    const fresh = (): [string, string] => {
      const name = `/${++made}`;
      mkdirSync(fixture.inside(name));
      return [name, fixture.inside(name)];
    };
    const write = async (path: string, parts: readonly TreePart[], options = replace): Promise<void> => {
      await using tree = await fixture.tree();
      await tree.write(context, path, partsOf(...parts), options);
    };
    beforeAll(async () => {
      fixture = await TreesFixture.open(binary);
    });
    afterAll(() => fixture[Symbol.asyncDispose]());

    test('makes every kind of object as its header says', async () => {
      const [name, host] = fresh();
      const owner = { uid: 1234, gid: 4321, seconds: 981173106, nanoseconds: 123456789 };
      await write(name, [
        directory('dir', { ...owner, mode: 0o2750 }),
        ...file('dir/setuid', 'content', { ...owner, mode: 0o6751 }),
        ...file('dir/empty', '', { ...owner, mode: 0o600 }),
        hardlink('dir/again', 'dir/setuid'),
        { ...owner, type: 'symlink', name: 'dir/symlink', linkName: '../nowhere' },
        { ...owner, type: 'character', name: 'dir/char', mode: 0o640, major: 260, minor: 70000 },
        { ...owner, type: 'block', name: 'dir/block', mode: 0o600, major: 7, minor: 3 },
        { ...owner, type: 'fifo', name: 'dir/fifo', mode: 0o622 },
      ]);
      await using tree = await fixture.tree();
      const found = await contents(tree, `${name}/dir`);
      const header = (key: string) => found.get(key)?.header;
      expect(header('.')).toMatchObject({ ...owner, type: 'directory', mode: 0o2750 });
      expect(header('again')).toMatchObject({ ...owner, type: 'file', mode: 0o6751, size: 7 });
      expect(header('setuid')).toMatchObject({ type: 'hardlink', linkName: 'again' });
      expect(header('empty')).toMatchObject({ ...owner, type: 'file', mode: 0o600, size: 0 });
      expect(header('symlink')).toMatchObject({ ...owner, type: 'symlink', linkName: '../nowhere' });
      expect(header('char')).toMatchObject({
        ...owner,
        type: 'character',
        mode: 0o640,
        major: 260,
        minor: 70000,
      });
      expect(header('block')).toMatchObject({ ...owner, type: 'block', mode: 0o600, major: 7, minor: 3 });
      expect(header('fifo')).toMatchObject({ ...owner, type: 'fifo', mode: 0o622 });
      expect(readFileSync(`${host}/dir/setuid`, 'utf8')).toBe('content');
    });

    test('makes missing parents, which are root and 0755, whatever the umask', async () => {
      const [name, host] = fresh();
      await write(name, file('a/b/c/file', 'x'));
      const { mode, uid, gid } = statSync(`${host}/a/b`);
      expect([mode & 0o7777, uid, gid]).toEqual([0o755, 0, 0]);
      expect(readFileSync(`${host}/a/b/c/file`, 'utf8')).toBe('x');
    });

    test('keeps the times of directories that later members go into', async () => {
      const [name, host] = fresh();
      const time = { seconds: 1_000_000_000, nanoseconds: 5 };
      await write(name, [
        directory('.', time),
        directory('a', time),
        directory('a/b', time),
        ...file('a/b/c', 'x'),
        symlink('a/l', 'x'),
      ]);
      for (const path of ['', '/a', '/a/b'])
        expect(statSync(host + path, { bigint: true }).mtimeNs).toBe(1_000_000_000_000_000_005n);
    });

    test('sets extended attributes, and passes over those that nothing here takes', async () => {
      const [name] = fresh();
      const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
      const xattrs = new Map([
        ['security.capability', capability],
        ['user.note', Buffer.from([0, 255])],
        ['nonsense.name', Buffer.from('x')],
      ]);
      await write(name, [
        ...file('file', 'content', { uid: 5, xattrs }),
        directory('dir', { xattrs }),
        { ...symlink('link', 'x'), xattrs: new Map([['user.no', capability]]) } as TreePart,
      ]);
      await using tree = await fixture.tree();
      const found = await contents(tree, name);
      for (const key of ['file', 'dir']) {
        expect([...(found.get(key)?.header.xattrs?.keys() ?? [])].sort()).toEqual(
          key === 'file' ? ['security.capability', 'user.note'] : ['security.capability', 'user.note'],
        );
      }
      expect(
        Buffer.from(found.get('file')?.header.xattrs?.get('security.capability') ?? []).equals(capability),
      ).toBe(true);
    });

    test('replaces what is there, but keeps what is in a directory when a directory comes', async () => {
      const [name, host] = fresh();
      mkdirSync(`${host}/dir/sub/below`, { recursive: true });
      writeFileSync(`${host}/dir/sub/below/file`, 'old');
      writeFileSync(`${host}/file`, 'old');
      writeFileSync(`${host}/kept`, 'precious');
      symlinkSync('kept', `${host}/link`);
      await write(name, [directory('dir', { mode: 0o700 }), ...file('link', 'new'), directory('file')]);
      expect(readFileSync(`${host}/dir/sub/below/file`, 'utf8')).toBe('old');
      expect(statSync(`${host}/dir`).mode & 0o777).toBe(0o700);
      expect(readFileSync(`${host}/kept`, 'utf8')).toBe('precious');
      expect(readFileSync(`${host}/link`, 'utf8')).toBe('new');
      expect(statSync(`${host}/file`).isDirectory()).toBe(true);
      await write(name, [
        ...file('dir', 'flat'),
        hardlink('file', 'kept'),
        symlink('kept', 'dir'),
        { type: 'fifo', name: 'link' },
      ]);
      expect(readFileSync(`${host}/dir`, 'utf8')).toBe('flat');
      expect(readFileSync(`${host}/file`, 'utf8')).toBe('precious');
      expect(readlinkSync(`${host}/kept`)).toBe('dir');
      expect(lstatSync(`${host}/link`).isFIFO()).toBe(true);
    });

    test('lets no directory replace another kind, nor the reverse, where kinds are to be kept', async () => {
      const [name, host] = fresh();
      mkdirSync(`${host}/dir`);
      writeFileSync(`${host}/file`, 'old');
      symlinkSync('dir', `${host}/link`);
      const conflict = async (part: TreePart) => rejection(write(name, [part], keep));
      expect(await conflict(directory('file'))).toMatchObject({
        code: 'conflict',
        message: `cannot overwrite non-directory "${name}/file" with directory "${name}"`,
      });
      expect(await conflict(directory('link'))).toMatchObject({ code: 'conflict' });
      for (const part of [...file('dir'), symlink('dir', 'x'), hardlink('dir', 'file')]) {
        expect(await conflict(part)).toMatchObject({
          code: 'conflict',
          message: `cannot overwrite directory "${name}/dir" with non-directory "${name}"`,
        });
      }
      await write(name, [...file('file', 'new'), ...file('link', 'new'), directory('dir')], keep);
      expect(readFileSync(`${host}/file`, 'utf8')).toBe('new');
    });

    test('a hard link to itself stays what it is, and one to nothing fails', async () => {
      const [name, host] = fresh();
      await write(name, [
        ...file('a', 'content'),
        hardlink('b', 'a'),
        hardlink('a', 'b'),
        hardlink('a', './a'),
      ]);
      expect(readFileSync(`${host}/a`, 'utf8')).toBe('content');
      expect(statSync(`${host}/b`).nlink).toBe(2);
      expect(await rejection(write(name, [hardlink('c', 'missing')]))).toMatchObject({
        code: 'invalid-argument',
      });
      expect(await rejection(write(name, [hardlink('c', '../..')]))).toMatchObject({
        code: 'invalid-argument',
      });
    });

    test('refuses names that lead outside or nowhere, and takes all others', async () => {
      const [name, host] = fresh();
      for (const bad of [
        '..',
        '../x',
        'a/../../x',
        '/../x',
        'a\0b',
        '',
        '.',
        '/',
        'n'.repeat(256),
        'n/'.repeat(2100),
      ]) {
        expect(await rejection(write(name, file(bad)))).toMatchObject({ code: 'invalid-argument' });
      }
      await write(name, [
        ...file('/absolute', '1'),
        ...file('./a/./b//c/../d/', '2'),
        ...file('\xff\n"\\', '3'),
        ...file('x'.repeat(255), '4'),
      ]);
      expect(readFileSync(`${host}/absolute`, 'utf8')).toBe('1');
      expect(readFileSync(`${host}/a/b/d`, 'utf8')).toBe('2');
      expect(
        readdirSync(host, { encoding: 'buffer' })
          .map((entry) => entry.toString('latin1'))
          .sort(),
      ).toEqual(['\xff\n"\\', 'a', 'absolute', 'x'.repeat(255)].sort());
      expect(existsSync(fixture.inside('x'))).toBe(false);
    });

    test('wants as many bytes as a header says', async () => {
      const [name] = fresh();
      const header = { type: 'file', name: 'file', size: 5 } as const;
      for (const parts of [
        [header, Buffer.from('1234')],
        [header, Buffer.from('123456')],
        [header, directory('dir')],
        [Buffer.from('x')],
        [directory('dir'), Buffer.from('x')],
      ]) {
        expect(await rejection(write(name, parts))).toMatchObject({ code: 'invalid-argument' });
      }
    });

    test('leaves holes where whole blocks are zero', async () => {
      const [name, host] = fresh();
      const data = Buffer.alloc(8 << 20);
      data.write('start', 0);
      data.write('middle', (4 << 20) - 3);
      await write(name, [{ type: 'file', name: 'sparse', size: data.length }, data]);
      expect(readFileSync(`${host}/sparse`).equals(data)).toBe(true);
      expect(statSync(`${host}/sparse`).blocks * 512).toBeLessThan(1 << 20);
    });

    test('goes on after a failure, and what was written before stays', async () => {
      const [name, host] = fresh();
      await using tree = await fixture.tree();
      const large: TreePart = Buffer.alloc(1 << 20);
      const many = Array.from({ length: 20 }, (_, index): TreePart[] => [
        { type: 'file', name: `late${index}`, size: large.length },
        large,
      ]).flat();
      const parts = [
        directory('dir', { seconds: 1000 }),
        ...file('dir/before', 'x'),
        ...file('../out'),
        ...many,
      ];
      expect(await rejection(tree.write(context, name, partsOf(...parts), replace))).toMatchObject({
        code: 'invalid-argument',
      });
      expect(readdirSync(host)).toEqual(['dir']);
      expect(statSync(`${host}/dir`).mtimeMs).toBe(1_000_000);
      await tree.write(context, name, partsOf(...file('after', 'y')), replace);
      expect(readFileSync(`${host}/after`, 'utf8')).toBe('y');
    });

    test('writes only into directories that are there', async () => {
      const [name, host] = fresh();
      writeFileSync(`${host}/file`, '');
      expect(await rejection(write(`${name}/missing`, file('x')))).toMatchObject({ code: 'not-found' });
      expect(await rejection(write(`${name}/file`, file('x')))).toMatchObject({ code: 'invalid-argument' });
      expect(await rejection(write(name, file('file/x')))).toMatchObject({ code: 'invalid-argument' });
    });

    test('a full disk, a read-only one and the kernel’s own are told apart', async () => {
      const directories = ['full', 'read-only', 'proc', 'sys'].map((name) => fixture.inside(name));
      for (const path of directories) mkdirSync(path);
      const mount = (...args: string[]): number | null => spawnSync('/bin/mount', args).status;
      try {
        expect(mount('-t', 'tmpfs', '-o', 'size=64k', 'x', directories[0] ?? '')).toBe(0);
        expect(mount('-t', 'tmpfs', '-o', 'ro', 'x', directories[1] ?? '')).toBe(0);
        expect(mount('-t', 'proc', 'x', directories[2] ?? '')).toBe(0);
        expect(mount('-t', 'sysfs', 'x', directories[3] ?? '')).toBe(0);
        expect(await rejection(write('/full', file('x', 'x'.repeat(100_000))))).toMatchObject({
          code: 'exhausted',
          message: '/full/x: no space left on device',
        });
        expect(await rejection(write('/read-only', file('x')))).toMatchObject({
          code: 'permission-denied',
          errno: 30,
        });
        expect(await rejection(write('/', file('proc/sys/kernel/x')))).toMatchObject({
          code: 'permission-denied',
          errno: 1,
        });
        expect(await rejection(write('/proc/self', file('x')))).toMatchObject({ code: 'permission-denied' });
        expect(await rejection(write('/', file('sys/fs/new/x')))).toMatchObject({
          code: 'permission-denied',
          errno: 1,
        });
        await using tree = await fixture.tree();
        expect(await tree.stat(context, '/read-only', true)).toMatchObject({ readOnly: true });
        expect(await tree.stat(context, '/full', true)).toMatchObject({ readOnly: false });
        const closed = await contents(tree, '/', { data: true, xattrs: [], crossMounts: false });
        expect(closed.get('proc')?.header.type).toBe('directory');
        expect([...closed.keys()].filter((name) => /^(proc|sys|full)\//.test(name))).toEqual([]);
        expect((await contents(tree, '/full', { data: true, xattrs: [], crossMounts: false })).has('x')).toBe(
          true,
        );
      } finally {
        for (const path of directories) spawnSync('umount', ['-l', path]);
      }
    });

    test('removes no directory that something is mounted in', async () => {
      const [name, host] = fresh();
      mkdirSync(`${host}/dir/mounted`, { recursive: true });
      writeFileSync(`${host}/dir/mounted/hidden`, '');
      const mounted = spawnSync('/bin/mount', ['--bind', fixture.busybox, `${host}/dir/mounted`]);
      expect(mounted.status).toBe(0);
      try {
        expect(await rejection(write(name, file('dir')))).toMatchObject({ code: 'conflict' });
        expect(existsSync(`${fixture.busybox}/bin/busybox`)).toBe(true);
      } finally {
        spawnSync('umount', [`${host}/dir/mounted`]);
      }
    });

    test('replaces no file that is mounted in another namespace, by whatever name', async () => {
      const [name, host] = fresh();
      mkdirSync(`${host}/etc`);
      writeFileSync(`${host}/etc/plain`, 'plain');
      symlinkSync('etc', `${host}/link`);
      const source = fixture.path(`source${made}`);
      writeFileSync(source, 'mounted');
      const bind: Operation = {
        ...{ op: 'bind', sourceDir: HOST, sourcePath: source, root: HOST, path: `${host}/etc/hosts` },
        ...{ create: 1, recursive: 0, set: 0, clear: 0, recursiveAttributes: 0, propagation: 0 },
      };
      await using tree = await fixture.trees.open(context, {
        kind: 'mounted',
        operations: [bind],
        root: fixture.root,
      });
      const busy = { code: 'conflict', errno: 16 };
      const attempts = [
        file('etc/hosts', 'x'),
        file('link/hosts', 'x'),
        [symlink('link/hosts', 'plain')],
        [hardlink('link/hosts', 'link/plain')],
        [directory('link/hosts')],
        file('etc', 'x'),
      ];
      for (const parts of attempts) {
        expect(await rejection(tree.write(context, name, partsOf(...parts), replace))).toMatchObject(busy);
        const { header, data } = (await contents(tree, `${name}/etc/hosts`)).get('.') ?? {};
        expect([header?.type, data?.toString()]).toEqual(['file', 'mounted']);
      }
      await tree.write(context, name, partsOf(...file('link/plain', 'new')), replace);
      expect(readFileSync(`${host}/etc/plain`, 'utf8')).toBe('new');
    });

    test('a symbolic link in the middle of a name is followed within the tree', async () => {
      const [name, host] = fresh();
      mkdirSync(`${host}/real`);
      chmodSync(`${host}/real`, 0o700);
      symlinkSync(`${name}/real`, `${host}/absolute`);
      symlinkSync('../../../../../../../../../../dangling', `${host}/up`);
      await write(name, [...file('absolute/file', '1'), ...file('up/file', '2')]);
      expect(readFileSync(`${host}/real/file`, 'utf8')).toBe('1');
      expect(readFileSync(fixture.inside('dangling/file'), 'utf8')).toBe('2');
    });
  },
);
