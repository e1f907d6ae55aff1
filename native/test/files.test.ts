import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import { HOST } from '../../src/plan/operations.ts';
import { binaries, Fixture } from './fixture.ts';

describe.each(binaries)('files (%s)', (binary) => {
  let it: Fixture;
  beforeAll(async () => {
    it = await Fixture.open(binary);
  });
  afterAll(() => it[Symbol.asyncDispose]());
  const inRoot = (path: string): string => join(it.root, path);
  const mkdirs = (path: string) => ({ op: 'mkdirs', root: 0, path, mode: 0o750, uid: 7, gid: 8 }) as const;

  test('mkdirs makes what is missing with its mode and owner, and leaves the rest', async () => {
    mkdirSync(inRoot('had'));
    await it.below(mkdirs('/had/a/b'));
    expect(statSync(inRoot('had')).uid).toBe(0);
    for (const path of ['had/a', 'had/a/b']) {
      const { mode, uid, gid } = statSync(inRoot(path));
      expect([mode & 0o7777, uid, gid]).toEqual([0o750, 7, 8]);
    }
  });

  test('mkdirs follows links inside the root, also dangling ones, and never out of it', async () => {
    symlinkSync('/run/lock', inRoot('var/lock'));
    symlinkSync('../../../../../../../escape', inRoot('var/up'));
    await it.below(mkdirs('/var/lock/x'), mkdirs('/var/up/y'), mkdirs('/../../above'));
    expect(statSync(inRoot('run/lock/x')).isDirectory()).toBe(true);
    expect(statSync(inRoot('escape/y')).isDirectory()).toBe(true);
    expect(statSync(inRoot('above')).isDirectory()).toBe(true);
  });

  test('mkdirs refuses a loop of links, a file in the way and an endless name', async () => {
    symlinkSync('loop', inRoot('loop'));
    symlinkSync('/grow/x', inRoot('grow'));
    const failing = async (path: string) =>
      (await it.failure({ before: [it.openRoot(), mkdirs(path)] })).errno;
    expect(await failing('/loop/x')).toBe(errno.ELOOP);
    expect(await failing('/grow/x')).toBe(errno.ELOOP);
    expect(await failing('/bin/busybox/x')).toBe(errno.ENOTDIR);
    expect(await failing(`/${'n'.repeat(300)}`)).toBe(errno.ENAMETOOLONG);
    expect(await failing(`/${'new/'.repeat(2000)}`)).toBe(errno.ENAMETOOLONG);
  });

  test('touch, symlink, chmod and chown keep to the root and leave what is there', async () => {
    writeFileSync(inRoot('kept'), 'text');
    symlinkSync('/etc/passwd', inRoot('to-passwd'));
    await it.below(
      { op: 'touch', root: 0, path: '/kept', mode: 0o600 },
      { op: 'touch', root: 0, path: '/deep/new', mode: 0o604 },
      { op: 'symlink', root: 0, path: '/etc/mtab', target: '/proc/mounts' },
      { op: 'symlink', root: 0, path: '/kept', target: '/nowhere' },
      { op: 'chmod', root: 0, path: '/deep/new', mode: 0o640 },
      { op: 'chown', root: 0, path: '/to-passwd', uid: 5, gid: 6 },
    );
    expect(readFileSync(inRoot('kept'), 'utf8')).toBe('text');
    expect(statSync(inRoot('deep/new')).mode & 0o7777).toBe(0o640);
    expect(readlinkSync(inRoot('etc/mtab'))).toBe('/proc/mounts');
    expect(lstatSync(inRoot('to-passwd')).uid).toBe(5);
    expect(statSync(inRoot('etc/passwd')).uid).toBe(0);
  });

  test('mknod gives exactly the mode, device and owner, in the place of what was there', async () => {
    writeFileSync(inRoot('node'), '');
    const device = k.deviceNumber(300, 70000);
    await it.below({ op: 'mknod', root: 0, path: '/node', mode: k.S_IFCHR | 0o666, device, uid: 3, gid: 4 });
    const status = statSync(inRoot('node'), { bigint: true });
    expect(status.isCharacterDevice()).toBe(true);
    expect(status.rdev).toBe(device);
    expect([status.mode & 0o7777n, status.uid, status.gid]).toEqual([0o666n, 3n, 4n]);
  });

  test('write and read go below the slot, whatever links are there', async () => {
    const data = new TextEncoder().encode('inside');
    const flags = k.O_CREAT | k.O_TRUNC;
    symlinkSync('/etc/hostname', inRoot('link'));
    const { results } = await it.below(
      { op: 'write', dir: 0, path: '/link', flags, mode: 0o640, data, ignore: [] },
      { op: 'read', dir: 0, path: '/../link', limit: 3 },
    );
    expect(readFileSync(inRoot('etc/hostname'), 'utf8')).toBe('inside');
    expect(results).toEqual(new Map([[2, new Uint8Array([105, 110, 115])]]));
  });

  test('write passes over the errnos that it is told to, and names others', async () => {
    const write = (ignore: number[]) =>
      ({
        op: 'write',
        dir: HOST,
        path: it.path('no/where'),
        flags: 0,
        mode: 0,
        data: new Uint8Array(1),
        ignore,
      }) as const;
    await it.run({ before: [write([errno.ENOENT])] });
    const failure = await it.failure({
      before: [{ op: 'mkdir', dir: HOST, path: it.directory, mode: 0 }, write([1])],
    });
    expect(failure).toEqual({
      stage: 'before',
      operation: 'write',
      index: 1,
      errno: errno.ENOENT,
      subject: it.path('no/where'),
      detail: '',
    });
  });

  test('unlink takes a missing file for removed', async () => {
    const unlink = { op: 'unlink', dir: 0, path: '/gone/x', flags: 0 } as const;
    mkdirSync(inRoot('gone'));
    writeFileSync(inRoot('gone/x'), '');
    await it.below(
      unlink,
      unlink,
      { ...unlink, path: '/gone', flags: k.AT_REMOVEDIR },
      { ...unlink, path: '/no/dir' },
    );
    expect(() => statSync(inRoot('gone'))).toThrow();
  });

  test('open below a slot never leaves it and never follows procfs out of it', async () => {
    const open = (slot: number, dir: number, path: string) =>
      ({ op: 'open', slot, dir, path, flags: k.O_PATH, mode: 0, resolve: 0 }) as const;
    const up = await it.below(open(1, 0, '../../..'), { op: 'read', dir: 1, path: 'etc/passwd', limit: 4 });
    expect(basename(it.root)).toBe('root');
    expect(new TextDecoder().decode(up.results.get(2))).toBe('root');
    const failure = await it.failure({ before: [open(1, HOST, '/proc'), open(2, 1, 'self/root/etc')] });
    expect(failure.errno).toBe(errno.ELOOP);
  });

  test('an empty slot and one that does not exist are errors', async () => {
    const close = (slot: number) => it.failure({ before: [{ op: 'close', slot }] });
    expect((await close(5)).detail).toBe('slot 5 holds no descriptor');
    expect((await close(64)).errno).toBe(errno.EBADF);
  });
});
