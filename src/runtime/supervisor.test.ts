import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode } from '../base/errors.ts';
import { CLONE_NEWPID, O_CREAT } from '../plan/constants.ts';
import { HOST } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import type { Attachment } from './contract.ts';
import { connectSupervisor, startSupervised } from './supervisor.ts';
import { readSupervisorState } from './supervisor-state.ts';
import {
  allStreams,
  collect,
  context,
  execPlan,
  openSupervisorFixture,
  readLog,
  readUntil,
  type SupervisorFixture,
} from './testing/supervisor-fixture.ts';

let fixture: SupervisorFixture;
beforeAll(async () => {
  fixture = await openSupervisorFixture();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

describe('a supervised process', () => {
  test('is reported with its pid and its exit with code and time', async () => {
    const { supervisor } = await fixture.start('exit', { argv: ['sh', '-c', 'exit 3'] });
    const exit = await supervisor.exited;
    expect(exit.code).toBe(3);
    expect(exit.oomKilled).toBe(false);
    expect(exit.finishedAt.getTime()).toBeGreaterThanOrEqual(supervisor.startedAt.getTime());
    expect(await readSupervisorState(fixture.file('exit', 'state'))).toEqual({
      pid: supervisor.pid,
      startedAt: supervisor.startedAt,
      exit,
    });
    expect(existsSync(fixture.file('exit', 'socket'))).toBe(false);
  });

  test('ended by a signal has that signal plus 128', async () => {
    const { supervisor } = await fixture.start('signal', { argv: ['sleep', '1000'] });
    await supervisor.signal(context, 15);
    expect((await supervisor.exited).code).toBe(143);
  });

  test('that has ended takes no signal, and its supervisor is not found', async () => {
    const { supervisor } = await fixture.start('ended', { argv: ['true'] });
    await supervisor.exited;
    expect(supervisor.signal(context, 15)).rejects.toThrow('has ended');
    const error: unknown = await connectSupervisor(context, fixture.file('ended', 'socket')).catch((e) => e);
    expect(isCode(error, 'not-found')).toBe(true);
  });

  test('that cannot be started fails with the step and leaves no socket and no state', async () => {
    const error: unknown = await fixture
      .start('missing', { argv: ['/nonexistent/program'] })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(PlanError);
    expect(existsSync(fixture.file('missing', 'socket'))).toBe(false);
    expect(await readSupervisorState(fixture.file('missing', 'state'))).toBeUndefined();
  });

  test('whose supervisor cannot listen fails and is not left running', async () => {
    const plan = execPlan({ argv: ['sleep', '1000'] });
    const supervise = {
      op: 'supervise',
      socket: '/nonexistent/socket',
      stateFile: '/nonexistent/state',
    } as const;
    const start = startSupervised(context, {
      launcher: fixture.launcher.socket,
      plan: { before: [supervise, ...(plan.before ?? [])], parent: [], child: plan.child ?? [], after: [] },
      socket: supervise.socket,
      attach: [],
    });
    expect(start).rejects.toBeInstanceOf(PlanError);
  });

  test('is a child of a supervisor that is in a session of its own', async () => {
    const { supervisor } = await fixture.start('session', { argv: ['sleep', '1000'] });
    const [, parent] = await statOf(supervisor.pid);
    const [, , session] = await statOf(Number(parent));
    expect(session).toBe(parent);
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });

  test('is followed by the after stage before its exit is told', async () => {
    const witness = join(fixture.directory, 'witness');
    const { supervisor } = await fixture.start('after', {
      argv: ['true'],
      after: [
        {
          op: 'write',
          dir: HOST,
          path: witness,
          flags: O_CREAT,
          mode: 0o600,
          data: Buffer.from('x'),
          ignore: [],
        },
      ],
    });
    await supervisor.exited;
    expect(existsSync(witness)).toBe(true);
  });

  test('can have a socket path longer than a socket address', async () => {
    const deep = 'd'.repeat(120);
    await mkdir(join(fixture.directory, deep));
    const { supervisor } = await fixture.start(`${deep}/long`, { argv: ['sleep', '1000'] });
    const again = await connectSupervisor(context, fixture.file(`${deep}/long`, 'socket'));
    expect(again.pid).toBe(supervisor.pid);
    await again.signal(context, 9);
    expect((await again.exited).code).toBe(137);
    await supervisor.exited;
  });
});

describe('an exec of the host', () => {
  test('is ended with the container, and its exit is told', async () => {
    const { supervisor } = await fixture.start('hostexec', { argv: ['sleep', '1000'] });
    const exec = await supervisor.exec(context, {
      id: 'e',
      plan: execPlan({ argv: ['sh', '-c', 'sleep 1000 & echo orphan $!.; wait'] }),
      attach: allStreams,
    });
    const output = exec.attachment === undefined ? '' : await readUntil(exec.attachment, '.');
    await supervisor.signal(context, 9);
    expect((await exec.exited).code).toBe(137);
    expect((await supervisor.exited).code).toBe(137);
    process.kill(Number(output.match(/\d+/)), 9);
  });
});

describe('a supervisor', () => {
  test('goes on without the daemon, and is found again by its socket', async () => {
    const { supervisor: first, attachments } = await fixture.start('orphan', {
      argv: ['sh', '-c', 'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.01; done'],
      attach: [allStreams],
    });
    await readUntil(attachments[0] as Attachment, 'ready');
    first.close();
    expect(first.exited).rejects.toThrow('without telling');
    const second = await connectSupervisor(context, fixture.file('orphan', 'socket'));
    expect(second.pid).toBe(first.pid);
    expect(second.startedAt).toEqual(first.startedAt);
    const attachment = await second.attach(context, allStreams);
    await second.signal(context, 15);
    expect((await collect(attachment)).stdout).toContain('bye\n');
    expect((await second.exited).code).toBe(7);
  });

  test('records an exit that nobody waits for', async () => {
    const { supervisor } = await fixture.start('alone', {
      argv: ['sh', '-c', 'sleep 0.05; echo end; exit 9'],
    });
    const [, parent] = await statOf(supervisor.pid);
    supervisor.close();
    while (existsSync(`/proc/${parent}/stat`)) await Bun.sleep(5);
    const state = await readSupervisorState(fixture.file('alone', 'state'));
    expect(state?.exit?.code).toBe(9);
    expect((await readLog(fixture.file('alone', 'log'))).map(({ log }) => log)).toEqual(['end\n']);
  });

  test('tells a new daemon of the execs that run', async () => {
    const { supervisor } = await fixture.start('execs', { argv: ['sleep', '1000'] });
    const exec = await supervisor.exec(context, {
      id: 'one',
      plan: execPlan({ argv: ['sleep', '1000'] }),
      attach: undefined,
    });
    const second = await connectSupervisor(context, fixture.file('execs', 'socket'));
    expect(second.execs.map(({ id, pid }) => ({ id, pid }))).toEqual([{ id: 'one', pid: exec.pid }]);
    const found = second.execs[0];
    await second.signal(context, 9, 'one');
    expect((await found?.exited)?.code).toBe(137);
    await second.signal(context, 9);
    await second.exited;
  });

  test('closes a connection that does not speak the protocol, and only that', async () => {
    const { supervisor } = await fixture.start('nonsense', { argv: ['sleep', '1000'] });
    const inputs = [
      'GET / HTTP/1.1\r\n\r\n',
      '\x30\x00\x00\x00\x00\x00\x00\x00',
      '\x33\x00\x00\x00\x00\x00\x00\x02\x00\x00',
      '\x35\x00\x00\x00\xff\xff\xff\xff',
      '\x30\x00\x00\x00\x00\x00\x00\x04\x07\x00\x09x',
      '\x7f\x00\x00\x00\x00\x00\x00\x00',
    ];
    for (const input of inputs) {
      const closed = Promise.withResolvers<void>();
      const socket = await Bun.connect({
        unix: fixture.file('nonsense', 'socket'),
        socket: { data: () => {}, close: () => closed.resolve(), error: () => {} },
      });
      socket.write(Buffer.from(input, 'latin1'));
      await closed.promise;
    }
    await supervisor.signal(context, 9);
    expect((await supervisor.exited).code).toBe(137);
  });
});

describe('an exec', () => {
  test('brings its output, exit code and time', async () => {
    const { supervisor } = await fixture.start('exec', { argv: ['sleep', '1000'] });
    const exec = await supervisor.exec(context, {
      id: 'e1',
      plan: execPlan({ argv: ['sh', '-c', 'echo out; echo err >&2; exit 5'] }),
      attach: allStreams,
    });
    expect(await collect(exec.attachment)).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    expect((await exec.exited).code).toBe(5);
    expect(supervisor.execs).toEqual([]);
    expect(await readLog(fixture.file('exec', 'log'))).toEqual([]);
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });

  test('whose program does not exist fails, and its id can be used again', async () => {
    const { supervisor } = await fixture.start('noexec', { argv: ['sleep', '1000'] });
    const exec = (argv: readonly string[]) =>
      supervisor.exec(context, { id: 'e', plan: execPlan({ argv }), attach: undefined });
    expect(exec(['/nonexistent'])).rejects.toBeInstanceOf(PlanError);
    await exec(['/nonexistent']).catch(() => {});
    expect((await (await exec(['true'])).exited).code).toBe(0);
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });

  test('of an id that runs already is a conflict', async () => {
    const { supervisor } = await fixture.start('twice', { argv: ['sleep', '1000'] });
    const request = { id: 'e', plan: execPlan({ argv: ['sleep', '1000'] }), attach: undefined };
    await supervisor.exec(context, request);
    expect(supervisor.exec(context, request)).rejects.toThrow('running already');
    const other = await connectSupervisor(context, fixture.file('twice', 'socket'));
    await supervisor.signal(context, 9);
    await supervisor.exited;
    await other.exited;
  });

  test('many at once all end with their own code', async () => {
    const { supervisor } = await fixture.start('many', { argv: ['sleep', '1000'] });
    const codes = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const plan = execPlan({ argv: ['sh', '-c', `exit ${index}`] });
        const exec = await supervisor.exec(context, { id: `e${index}`, plan, attach: allStreams });
        return (await exec.exited).code;
      }),
    );
    expect(codes).toEqual(Array.from({ length: 40 }, (_, index) => index));
    await supervisor.signal(context, 9);
    await supervisor.exited;
  });

  test('in a PID namespace ends with the first process', async () => {
    const { supervisor } = await fixture.start('pidns', {
      argv: ['sleep', '1000'],
      namespaces: CLONE_NEWPID,
    });
    const exec = await supervisor.exec(context, {
      id: 'e',
      plan: {
        before: [
          { op: 'streams', terminal: 0, stdin: 0, stdinOnce: 0 },
          { op: 'clone', flags: 0, cgroup: -1 },
        ],
        child: [
          { op: 'setns', slot: taskSlot, type: CLONE_NEWPID },
          { op: 'fork' },
          { op: 'exec', argv: ['/bin/sh', '-c', 'echo $$; sleep 1000'], env: [] },
        ],
      },
      attach: allStreams,
    });
    await supervisor.signal(context, 9);
    expect((await exec.exited).code).toBe(137);
    expect((await collect(exec.attachment)).stdout).not.toBe('1\n');
    expect((await supervisor.exited).code).toBe(137);
  });
});

/** Where a supervisor stores the pidfd of the first process for an exec's plan (TASK_SLOT in native/run.h). */
const taskSlot = 63;

/** The words of /proc/<pid>/stat behind the name: state, parent, ..., of which these are state, parent and session. */
async function statOf(pid: number): Promise<[string, string, string]> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [state = '', parent = '', , session = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [state, parent, session];
}
