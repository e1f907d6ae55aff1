import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import { HOST, type Operation } from '../../src/plan/operations.ts';
import { binaries, Fixture } from './fixture.ts';

const mounts = readFileSync('/proc/mounts', 'utf8')
  .split('\n')
  .map((line) => line.split(' '));
const unified = mounts.find(([, , type]) => type === 'cgroup2')?.[1];
const version1 = (controller: string): string | undefined =>
  mounts.find(([, , type, options]) => type === 'cgroup' && options?.split(',').includes(controller))?.[1];

// A host has one version or both: what it lacks has no tests on it, which is not the same as tests that are skipped.
const unifieds = [unified].filter((path) => path !== undefined);
const freezers = [version1('freezer')].filter((path) => path !== undefined);

/** BPF_MOV64_IMM(R0, allow), BPF_EXIT_INSN(). */
function deviceProgram(allow: number): Uint8Array {
  return new Uint8Array([0xb7, 0, 0, 0, allow, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
}

describe.each(binaries)('cgroups (%s)', (binary) => {
  let it: Fixture;
  let name: string;
  beforeAll(async () => {
    it = await Fixture.open(binary);
    name = `sampan-test-${it.directory.slice(-6)}`;
  });
  afterEach(() =>
    it.run({ before: hierarchies.map((path) => ({ op: 'removeCgroup', path: join(path, name) })) }),
  );
  afterAll(() => it[Symbol.asyncDispose]());

  const clone = (cgroup = -1): Operation => ({ op: 'clone', flags: 0, cgroup });
  const shell = (script: string): Operation => ({
    op: 'exec',
    argv: ['/bin/sh', '-c', script],
    env: ['PATH=/bin:/usr/bin'],
  });
  const hierarchies = [unified, version1('pids'), version1('freezer'), version1('memory')].filter(
    (path) => path !== undefined,
  );

  test('writePid moves the child, removeCgroup kills what is left and removes nested groups', async () => {
    for (const hierarchy of hierarchies) {
      const path = join(hierarchy, name);
      mkdirSync(join(path, 'inner/deeper'), { recursive: true });
      const { waitStatus } = await it.run({
        before: [clone()],
        parent: [{ op: 'writePid', dir: HOST, path: join(path, 'cgroup.procs') }],
        child: [
          shell(
            `grep -q '${name}$' /proc/self/cgroup || exit 1; sleep 1000 & echo $! > ${path}/inner/deeper/cgroup.procs`,
          ),
        ],
        after: [{ op: 'removeCgroup', path }],
      });
      expect(waitStatus).toBe(0);
      expect(existsSync(path)).toBe(false);
    }
  });

  test('removeCgroup takes a missing group for removed and says why another cannot be', async () => {
    await it.run({ before: [{ op: 'removeCgroup', path: join(hierarchies[0] ?? '', 'no-such-group') }] });
    mkdirSync(it.path('full/of'), { recursive: true });
    const file: Operation = { op: 'touch', root: HOST, path: it.path('full/file'), mode: 0o600 };
    const failure = await it.failure({
      before: [file, { op: 'removeCgroup', path: join(it.path('full'), 'file') }],
    });
    expect(failure).toMatchObject({ operation: 'removeCgroup', errno: errno.ENOTDIR } as object);
  });

  test.each(freezers)(
    'a plan that fails does not wait for ever for a child that is frozen (%s)',
    async (freezer) => {
      const path = join(freezer, name);
      const write = (file: string, value: string): Operation => {
        const data = new TextEncoder().encode(value);
        return { op: 'write', dir: HOST, path: join(path, file), flags: 0, mode: 0, data, ignore: [] };
      };
      const failure = await it.failure({
        before: [{ op: 'mkdir', dir: HOST, path, mode: 0o755 }, clone()],
        parent: [
          { op: 'writePid', dir: HOST, path: join(path, 'cgroup.procs') },
          write('freezer.state', 'FROZEN'),
          write('missing', 'x'),
        ],
        child: [shell('true')],
        after: [{ op: 'removeCgroup', path }],
      });
      expect(failure.subject).toBe(join(path, 'missing'));
      expect(existsSync(path)).toBe(false);
    },
  );

  test.each(freezers)('removeCgroup ends frozen processes (%s)', async (freezer) => {
    const path = join(freezer, name);
    mkdirSync(path);
    const freeze = `echo $$ > ${path}/cgroup.procs; sleep 1000 & echo $$ > ${path}/../cgroup.procs; echo FROZEN > ${path}/freezer.state`;
    await it.run({ before: [clone()], child: [shell(freeze)], after: [{ op: 'removeCgroup', path }] });
    expect(existsSync(path)).toBe(false);
  });

  test.each(unifieds)('clone makes the process inside a group of version 2 (%s)', async (hierarchy) => {
    const path = join(hierarchy, name);
    mkdirSync(path);
    const flags = k.O_PATH | k.O_DIRECTORY;
    const { waitStatus } = await it.run({
      before: [{ op: 'open', slot: 2, dir: HOST, path, flags, mode: 0, resolve: 0 }, clone(2)],
      child: [shell(`grep -q '^0::/${name}$' /proc/self/cgroup`)],
      after: [{ op: 'removeCgroup', path }],
    });
    expect(waitStatus).toBe(0);
    expect(existsSync(path)).toBe(false);
    const missing = await it.failure({ before: [clone(5)], child: [shell('true')] });
    expect(missing).toMatchObject({ operation: 'clone', errno: errno.EBADF } as object);
  });

  test.each(unifieds)(
    'deviceProgram decides about devices, and a second one replaces the first (%s)',
    async (hierarchy) => {
      const path = join(hierarchy, name);
      mkdirSync(path);
      const device = (allow: number): Operation => ({
        op: 'deviceProgram',
        path,
        program: deviceProgram(allow),
      });
      const tryDevice = async (...programs: Operation[]) => {
        const plan = {
          before: [...programs, clone()],
          parent: [{ op: 'writePid', dir: HOST, path: join(path, 'cgroup.procs') } as const],
          child: [shell('true < /dev/zero')],
        };
        return (await it.run(plan)).waitStatus;
      };
      expect(await tryDevice(device(0))).not.toBe(0);
      expect(await tryDevice(device(1))).toBe(0);
      const broken = await it.failure({
        before: [{ op: 'deviceProgram', path, program: new Uint8Array(16) }],
      });
      expect(broken).toMatchObject({ operation: 'deviceProgram', subject: path } as object);
      await it.run({ before: [{ op: 'removeCgroup', path }] });
    },
  );

  test('watchOom opens the notices of a group', async () => {
    const memory = version1('memory');
    const path = join(memory ?? unified ?? '', name);
    mkdirSync(path);
    const watch: Operation = { op: 'watchOom', path, version: memory === undefined ? 2 : 1 };
    await it.run({ before: [watch], after: [{ op: 'removeCgroup', path }] });
    expect(await it.failure({ before: [watch] })).toMatchObject({
      errno: errno.ENOENT,
      subject: path,
    } as object);
  });
});
