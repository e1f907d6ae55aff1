import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import { HOST, type Operation } from '../../src/plan/operations.ts';
import { binaries, Fixture } from './fixture.ts';

describe.each(binaries)('volumes (%s)', (binary) => {
  let it: Fixture;
  /** On tmpfs, which shares no blocks and knows no projects. */
  const memory = mkdtempSync(join('/dev/shm', 'sampan-native-'));
  const from = join(memory, 'from');
  const to = join(memory, 'to');
  const canary = mkdtempSync(join(tmpdir(), 'sampan-canary-'));

  beforeAll(async () => {
    it = await Fixture.open(binary);
    for (const directory of [from, to]) {
      mkdirSync(join(directory, 'sub'), { recursive: true });
      writeFileSync(join(directory, 'file'), directory);
      symlinkSync('file', join(directory, 'link'));
      symlinkSync(canary, join(directory, 'out'));
      expect(spawnSync('mkfifo', [join(directory, 'pipe')]).status).toBe(0);
    }
    writeFileSync(join(canary, 'file'), 'canary');
    symlinkSync(join(canary, 'file'), join(to, 'swapped'));
    writeFileSync(join(from, 'swapped'), 'swapped');
  });
  afterAll(async () => {
    await it[Symbol.asyncDispose]();
    rmSync(memory, { recursive: true });
    rmSync(canary, { recursive: true });
  });

  const open = (slot: number, path: string): Operation => ({
    ...{ op: 'open', slot, dir: HOST, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0, resolve: 0 },
  });
  const cloned = async (path: string) =>
    it.failure({
      before: [
        open(0, from),
        open(1, to),
        { op: 'cloneFile', source: 0, target: 1, path: Buffer.from(path) },
      ],
    });

  test('cloneFile is refused by filesystems that share nothing, and leaves the files', async () => {
    expect(await cloned('file')).toMatchObject({
      operation: 'cloneFile',
      errno: errno.EOPNOTSUPP,
      subject: 'file',
    });
    expect(readFileSync(join(to, 'file'), 'utf8')).toBe(to);
  });

  test.each(['link', 'pipe', 'sub', '.', 'swapped'])(
    'cloneFile takes regular files only: %s',
    async (path) => {
      expect((await cloned(path)).errno).toBe(errno.EINVAL);
      expect(readFileSync(join(canary, 'file'), 'utf8')).toBe('canary');
    },
  );

  test.each(['out/file', 'missing', '../file', `${'x'.repeat(5000)}`, 'a\0b', ''])(
    'cloneFile leaves neither directory: %p',
    async (path) => {
      expect((await cloned(path)).errno).toBeGreaterThan(0);
      expect(readdirSync(canary)).toEqual(['file']);
    },
  );

  test('cloneFile wants both directories open', async () => {
    const step: Operation = { op: 'cloneFile', source: 0, target: 9, path: Buffer.from('file') };
    expect((await it.failure({ before: [open(0, from), step] })).errno).toBe(errno.EBADF);
  });

  test('limitProject is refused where there are no projects, and for what is no directory', async () => {
    const limited = async (path: string) =>
      it.failure({ before: [{ op: 'limitProject', path, project: 7, bytes: 1 << 20 }] });
    expect(await limited(to)).toMatchObject({ operation: 'limitProject', subject: to });
    expect((await limited(join(to, 'file'))).errno).toBe(errno.ENOTDIR);
    expect((await limited(join(to, 'out'))).errno).toBeGreaterThan(0);
    expect((await limited(join(to, 'none'))).errno).toBe(errno.ENOENT);
  });
});
