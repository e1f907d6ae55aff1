import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { O_DIRECTORY, O_PATH, O_WRONLY, S_IFIFO } from '../plan/constants.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { Supervisor } from './supervisor.ts';
import {
  allStreams,
  collect,
  context,
  execPlan,
  openSupervisorFixture,
  type SupervisorFixture,
} from './testing/supervisor-fixture.ts';

let fixture: SupervisorFixture;
beforeAll(async () => {
  fixture = await openSupervisorFixture();
  // A step done as another user finds its way here.
  chmodSync(fixture.directory, 0o755);
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function scoreOf(pid: number | 'self'): string {
  return readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim();
}

/** What a process that may lower its score gets; in a sandbox without that privilege everybody keeps what they have. */
function protectedScore(): string {
  const script = 'echo -999 2>/dev/null >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj';
  return Bun.spawnSync(['sh', '-c', script], { stderr: 'ignore' }).stdout.toString().trim();
}

describe('when memory runs out', () => {
  test('a supervisor goes last, and its container and execs as if it were not protected', async () => {
    const { supervisor } = await fixture.start('score', { argv: ['sleep', '1000'] });
    expect(scoreOf(parentOf(supervisor.pid))).toBe(protectedScore());
    expect(scoreOf(supervisor.pid)).toBe(scoreOf('self'));
    const plan = execPlan({ argv: ['cat', '/proc/self/oom_score_adj'] });
    const exec = await supervisor.exec(context, { id: 'e', plan, attach: allStreams });
    expect((await collect(exec.attachment)).stdout.trim()).toBe(scoreOf('self'));
    await supervisor.signal(context, 9);
  });
});

/** Steps of an exec's child that wait until `release` opens the fifo for reading. */
class Halt {
  readonly path: string;

  constructor(name: string) {
    this.path = join(fixture.directory, name);
  }

  get make(): Operation {
    return { op: 'mknod', root: HOST, path: this.path, mode: S_IFIFO | 0o666, device: 0, uid: 0, gid: 0 };
  }

  get step(): Operation {
    return { op: 'open', slot: 1, dir: HOST, path: this.path, flags: O_WRONLY, mode: 0, resolve: 0 };
  }

  release(): void {
    readFileSync(this.path);
  }
}

/** The child of the supervisor that is not its first process, once it waits in a fifo. */
async function haltedExec(supervisor: Supervisor): Promise<number> {
  const parent = parentOf(supervisor.pid);
  for (;;) {
    const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
    const pid = Number(children.find((child) => Number(child) !== supervisor.pid) ?? 0);
    if (pid !== 0 && readFileSync(`/proc/${pid}/wchan`, 'latin1').includes('partner')) return pid;
    await Bun.sleep(5);
  }
}

describe('an exec that has not become its program yet', () => {
  test('holds nothing of its supervisor: log, socket, clients, other streams', async () => {
    const halt = new Halt('held');
    const { supervisor } = await fixture.start('held', { argv: ['sleep', '1000'], before: [halt.make] });
    const plan = execPlan({ argv: ['true'] });
    const child = [halt.step, ...(plan.child ?? [])];
    const starting = supervisor.exec(context, { id: 'e', plan: { ...plan, child }, attach: undefined });
    const pid = await haltedExec(supervisor);
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    // Its own streams, the way back to the supervisor, the host's procfs, the container's first process.
    const expected = ['/dev/null', '/proc', 'anon_inode:[pidfd]', 'pipe', 'pipe', 'socket'];
    const kinds = open.map((target) => target.replace(/:\[\d+\]$/, ''));
    expect(kinds.toSorted()).toEqual(expected.toSorted());
    halt.release();
    await (await starting).exited;
    await supervisor.signal(context, 9);
  });

  test('leads to nothing of the host once processes of its PID namespace see it', async () => {
    const halt = new Halt('forked');
    const { supervisor } = await fixture.start('forked', { argv: ['sleep', '1000'], before: [halt.make] });
    const plan = execPlan({ argv: ['true'] });
    const root = { op: 'open', slot: 2, dir: HOST, path: '/', flags: O_PATH, mode: 0, resolve: 0 } as const;
    const child: Operation[] = [{ op: 'fork' }, halt.step, ...(plan.child ?? [])];
    const before = [root, ...(plan.before ?? [])];
    const starting = supervisor.exec(context, { id: 'e', plan: { before, child }, attach: undefined });
    const pid = await haltedExec(supervisor);
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    const kinds = open.map((target) => target.replace(/:\[\d+\]$/, ''));
    expect(kinds.toSorted()).toEqual(['/dev/null', 'pipe', 'pipe', 'socket']);
    halt.release();
    await (await starting).exited;
    await supervisor.signal(context, 9);
  });

  test('stays out of reach after its change of user, whatever fs.suid_dumpable is (CVE-2016-9962)', async () => {
    const setting = '/proc/sys/fs/suid_dumpable';
    const before = readFileSync(setting, 'utf8');
    const halt = new Halt('hidden');
    const { supervisor } = await fixture.start('hidden', { argv: ['sleep', '1000'], before: [halt.make] });
    const plan = execPlan({ argv: ['true'] });
    const user: Operation[] = [
      { op: 'open', slot: 0, dir: HOST, path: '/', flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 },
      { op: 'resolveUser', root: 0, user: '1000:1000', extraGroups: [] },
      { op: 'setUser' },
    ];
    const child = [...user, halt.step, ...(plan.child ?? [])];
    try {
      writeFileSync(setting, '1');
      const starting = supervisor.exec(context, { id: 'e', plan: { ...plan, child }, attach: undefined });
      const pid = await haltedExec(supervisor);
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\s+1000\s/m);
      // The entries of a process that others may look into belong to its user.
      expect(statSync(`/proc/${pid}/fd`).uid).toBe(0);
      halt.release();
      await (await starting).exited;
    } finally {
      writeFileSync(setting, before);
    }
    await supervisor.signal(context, 9);
  });
});
