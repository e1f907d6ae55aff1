import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import { HOST, type Operation, type Plan } from '../../src/plan/operations.ts';
import { binaries, Fixture } from './fixture.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe.each(binaries)('stages and namespaces (%s)', (binary) => {
  let it: Fixture;
  beforeAll(async () => {
    it = await Fixture.open(binary);
  });
  afterAll(() => it[Symbol.asyncDispose]());

  const note = (name: string, value: string, flags: number = k.O_CREAT): Operation => {
    return { op: 'write', dir: HOST, path: it.path(name), flags, mode: 0o600, data: text(value), ignore: [] };
  };
  const clone = (flags: number): Operation => ({ op: 'clone', flags, cgroup: -1 });
  const shell = (script: string): Operation => ({
    op: 'exec',
    argv: ['/bin/sh', '-c', script],
    env: ['PATH=/bin:/usr/bin'],
  });
  const reading = async (name: string): Promise<string> => (await Bun.file(it.path(name)).text()).trim();
  /** Processes that a failed plan should have ended. */
  const strays = (): string[] => {
    return readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(join('/proc', pid, 'cmdline'), 'latin1').includes(`stray-${it.directory}`);
      } catch {
        return false;
      }
    });
  };

  test('a plan without a process answers with what its steps returned and does its after stage', async () => {
    const read = { op: 'read', dir: HOST, path: '/proc/self/comm', limit: 99 } as const;
    const done = await it.run({ before: [note('a', 'x'), read], after: [note('after', 'done')] });
    expect(done.waitStatus).toBeUndefined();
    expect([...done.results.keys()]).toEqual([1]);
    expect(await reading('after')).toBe('done');
  });

  test('a plan with a process ends with it, and tells its wait status', async () => {
    const exit = await it.run({ before: [clone(0)], child: [shell('exit 5')], after: [note('ended', 'x')] });
    expect(exit.waitStatus).toBe(5 << 8);
    expect(existsSync(it.path('ended'))).toBe(true);
    const killed = await it.run({ before: [clone(0)], child: [shell('kill -9 $$')] });
    expect(killed.waitStatus).toBe(9);
  });

  test('the parent stage is done before the child begins', async () => {
    await it.run({
      before: [clone(0)],
      parent: [note('order', 'parent,')],
      child: [note('order', 'child', k.O_APPEND), shell('true')],
    });
    expect(await reading('order')).toBe('parent,child');
  });

  test('a released child runs beside the parent stage, but its exec waits for the end of it', async () => {
    const fifo: Operation = {
      op: 'mknod',
      root: HOST,
      path: it.path('fifo'),
      mode: k.S_IFIFO | 0o600,
      device: 0,
      uid: 0,
      gid: 0,
    };
    const flags = k.O_WRONLY;
    await it.run({
      before: [fifo, clone(0)],
      /* Writing blocks until the child reads: without `release` this would never end. */
      parent: [{ op: 'release' }, note('fifo', 'through', flags), note('parent-done', 'yes')],
      child: [
        { op: 'open', slot: 1, dir: HOST, path: it.path('fifo'), flags: k.O_RDONLY, mode: 0, resolve: 0 },
        { op: 'awaitParent' },
        shell(`cat ${it.path('parent-done')} > ${it.path('seen')}`),
      ],
    });
    expect(await reading('seen')).toBe('yes');
  });

  test('a failure in any stage ends the process, runs the after stage and is reported with its place', async () => {
    const wrong: Operation = { op: 'close', slot: 9 };
    const sleeper = shell(`exec -a stray-${it.directory} sleep 1000`);
    const plans: Record<string, Partial<Plan>> = {
      before: { before: [note('x', ''), wrong, clone(0)], child: [sleeper] },
      parent: {
        before: [clone(k.CLONE_NEWPID)],
        parent: [{ op: 'release' }, wrong],
        child: [{ op: 'unshare', flags: 0 }, sleeper],
      },
      child: { before: [clone(k.CLONE_NEWPID)], child: [{ op: 'umask', mask: 0 }, wrong, sleeper] },
    };
    for (const [stage, plan] of Object.entries(plans)) {
      const failure = await it.failure({ ...plan, after: [note(`after-${stage}`, 'x')] });
      expect(failure).toMatchObject({ stage, operation: 'close', index: 1, errno: errno.EBADF } as object);
      expect(existsSync(it.path(`after-${stage}`))).toBe(true);
    }
    expect(strays()).toEqual([]);
  });

  test('a failure in the after stage changes nothing', async () => {
    await it.run({ after: [{ op: 'close', slot: 3 }, note('went-on', 'x')] });
    expect(existsSync(it.path('went-on'))).toBe(true);
  });

  test('a misshapen plan is refused as a whole', async () => {
    const failure = await it.failure({ child: [shell('true')] });
    expect(failure).toMatchObject({
      operation: 'plan',
      errno: 0,
      detail: 'the plan has a parent or child stage but no clone',
    } as object);
  });

  test('a user namespace maps the root of the container to somebody else', async () => {
    const map = text('0 4711 1\n1 100000 1000\n');
    const plan: Plan = {
      before: [clone(k.CLONE_NEWUSER | k.CLONE_NEWNS)],
      parent: [
        { op: 'writeChild', file: 'uid_map', data: map },
        { op: 'writeChild', file: 'gid_map', data: map },
        { op: 'writeChild', file: 'oom_score_adj', data: text('77') },
      ],
      child: [shell('id -u; cat /proc/self/oom_score_adj; stat -c %u /proc/self/ns > /tmp/x; exit $(id -u)')],
      after: [],
    };
    expect((await it.run(plan)).waitStatus).toBe(0);
    const wrong = { ...plan, parent: [{ op: 'writeChild', file: '../1/oom_score_adj', data: map } as const] };
    expect(await it.failure(wrong)).toMatchObject({ operation: 'writeChild', errno: errno.EINVAL } as object);
  });

  test('an exec joins all namespaces of a running container, by a pidfd or one by one', async () => {
    const pidFile = it.path('pid');
    rmSync(pidFile, { force: true });
    const recordPid: Operation = { op: 'writePid', dir: HOST, path: pidFile };
    const container = it.container(
      'echo up > /out/up; read line < /out/end',
      [{ op: 'hostname', name: 'inner' }],
      {
        before: [
          note('pid', ''),
          {
            op: 'mknod',
            root: HOST,
            path: join(it.root, 'out/end'),
            mode: k.S_IFIFO | 0o600,
            device: 0,
            uid: 0,
            gid: 0,
          },
        ],
        parent: [recordPid],
      },
    );
    const running = it.run(container);
    while (!existsSync(join(it.root, 'out/up'))) await Bun.sleep(1);
    const pid = await reading('pid');
    const script =
      'hostname > /out/joined; echo $$ >> /out/joined; cut -d" " -f4 /proc/self/stat >> /out/joined; ls / >> /out/joined';
    const types = {
      uts: k.CLONE_NEWUTS,
      ipc: k.CLONE_NEWIPC,
      net: k.CLONE_NEWNET,
      pid: k.CLONE_NEWPID,
      mnt: k.CLONE_NEWNS,
    };
    const oneByOne = Object.entries(types).flatMap(([name, type], slot): Operation[] => [
      {
        op: 'open',
        slot,
        dir: HOST,
        path: `/proc/${pid}/ns/${name}`,
        flags: k.O_RDONLY,
        mode: 0,
        resolve: 0,
      },
      { op: 'setns', slot, type },
    ]);
    const exec = (joining: Operation[]): Partial<Plan> => ({
      before: [clone(0)],
      child: [
        ...oneByOneOpens(joining),
        ...joining.filter((step) => step.op === 'setns'),
        { op: 'fork' },
        shell(script),
      ],
    });
    expect((await it.run(exec(oneByOne))).waitStatus).toBe(0);
    const [name, inner, ...listing] = readFileSync(join(it.root, 'out/joined'), 'utf8').trim().split('\n');
    expect(name).toBe('inner');
    expect(Number(inner)).toBeLessThan(10);
    expect(listing).toContain('out');
    const failing = exec(oneByOne);
    const steps = [...(failing.child ?? [])];
    steps.splice(-1, 0, { op: 'close', slot: 50 });
    expect(await it.failure({ ...failing, child: steps })).toMatchObject({ operation: 'close' } as object);
    await Bun.write(Bun.file(join(it.root, 'out/end')), 'go\n');
    expect((await running).waitStatus).toBe(0);
  });

  test('the parent opens the namespaces of the child', async () => {
    const plan: Plan = {
      before: [clone(k.CLONE_NEWNET)],
      parent: [
        { op: 'openChildNamespace', slot: 4, type: 'net' },
        { op: 'setns', slot: 4, type: k.CLONE_NEWNET },
      ],
      child: [shell('true')],
      after: [],
    };
    expect((await it.run(plan)).waitStatus).toBe(0);
    const wrong = { ...plan, parent: [{ op: 'openChildNamespace', slot: 4, type: '../root' } as const] };
    expect(await it.failure(wrong)).toMatchObject({ errno: errno.EINVAL, subject: '../root' } as object);
  });
});

/** All `open` steps first: after joining the mount namespace the host's procfs is out of sight. */
function oneByOneOpens(steps: readonly Operation[]): Operation[] {
  return steps.filter((step) => step.op === 'open');
}
