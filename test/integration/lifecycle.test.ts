import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

function inspect(reference: string): Json {
  return JSON.parse(daemon.sampan('inspect', reference))[0];
}

function sleeper(...flags: string[]): string {
  return daemon.sampan('run', '-d', ...flags, 'busybox', 'sleep', '3600');
}

describe('a container', () => {
  test('goes from created through running to exited, with its times', () => {
    const id = daemon.sampan('create', 'busybox', 'sleep', '3600');
    expect(inspect(id).State).toMatchObject({ Status: 'created', Pid: 0, StartedAt: '0001-01-01T00:00:00Z' });
    daemon.sampan('start', id);
    expect(inspect(id).State).toMatchObject({ Status: 'running', Running: true });
    daemon.sampan('stop', '-t', '0', id);
    const { State } = inspect(id);
    expect(State).toMatchObject({ Status: 'exited', ExitCode: 137, Pid: 0 });
    expect(Date.parse(State.FinishedAt)).toBeGreaterThanOrEqual(Date.parse(State.StartedAt));
    daemon.sampan('rm', id);
    expect(daemon.run('sampan', ['inspect', id]).status).toBe(1);
  });

  test('starts again with its writable layer and log kept', () => {
    const id = daemon.sampan('run', '-d', 'busybox', 'sh', '-c', 'echo x >>/count; wc -l </count');
    daemon.sampan('wait', id);
    daemon.sampan('start', '-a', id);
    expect(daemon.sampan('logs', id)).toBe('1\n2');
    daemon.sampan('rm', id);
  });

  test('is found by name, ID and prefix, and not by a prefix of its name', () => {
    const id = sleeper('--name', 'findable');
    for (const reference of ['findable', '/findable', id, id.slice(0, 12), id.slice(0, 4)]) {
      expect(inspect(reference).Id).toBe(id);
    }
    expect(daemon.run('sampan', ['inspect', 'findab']).stderr).toContain('No such');
    daemon.sampan('rm', '-f', 'findable');
  });

  test('keeps its name to itself', () => {
    const id = sleeper('--name', 'mine');
    const outcome = daemon.run('sampan', ['run', '--name', 'mine', 'busybox', 'true']);
    expect(outcome.status).toBe(125);
    expect(outcome.stderr).toContain(
      `Conflict. The container name "/mine" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    daemon.sampan('rename', 'mine', 'yours');
    expect(inspect('yours').Id).toBe(id);
    daemon.sampan('rm', '-f', 'yours');
  });

  test('stands still while paused', async () => {
    const id = daemon.sampan('run', '-d', 'busybox', 'sh', '-c', 'while :; do echo x; usleep 5000; done');
    daemon.sampan('pause', id);
    expect(inspect(id).State).toMatchObject({ Status: 'paused', Running: true, Paused: true });
    const before = daemon.sampan('logs', id).length;
    await Bun.sleep(100);
    expect(daemon.sampan('logs', id).length).toBe(before);
    expect(daemon.run('sampan', ['exec', id, 'true']).stderr).toContain(
      'is paused, unpause the container before exec',
    );
    daemon.sampan('unpause', id);
    expect(inspect(id).State.Status).toBe('running');
    daemon.sampan('rm', '-f', id);
  });

  test('gets the stop signal that was asked for', () => {
    const script = 'trap "echo got INT; exit 5" INT; while :; do usleep 10000; done';
    const id = daemon.sampan('run', '-d', '--stop-signal', 'INT', 'busybox', 'sh', '-c', script);
    daemon.sampan('stop', id);
    expect(inspect(id).State.ExitCode).toBe(5);
    expect(daemon.sampan('logs', id)).toBe('got INT');
    daemon.sampan('rm', id);
  });

  test('is not removed while it runs, except by force', () => {
    const id = sleeper();
    const outcome = daemon.run('sampan', ['rm', id]);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toContain(
      'container is running: stop the container before removing or force remove',
    );
    daemon.sampan('rm', '-f', id);
  });

  test('restarts as its policy says, and stops when told', async () => {
    const id = daemon.sampan('run', '-d', '--restart', 'on-failure:2', 'busybox', 'false');
    for (let tries = 0; inspect(id).State.Status !== 'exited' && tries < 100; tries++) await Bun.sleep(50);
    expect(inspect(id)).toMatchObject({ RestartCount: 2, State: { ExitCode: 1 } });
    daemon.sampan('rm', id);
  });

  test('that was started with --rm is gone after its end', async () => {
    const id = daemon.sampan('run', '-d', '--rm', 'busybox', 'true');
    for (let tries = 0; daemon.run('sampan', ['inspect', id]).status === 0 && tries < 100; tries++)
      await Bun.sleep(20);
    expect(daemon.run('sampan', ['inspect', id]).status).toBe(1);
  });

  test('killed for its memory says so', () => {
    const id = daemon.sampan('run', '-d', '-m', '8m', 'busybox', 'sh', '-c', 'tail /dev/zero; exit $?');
    daemon.sampan('wait', id);
    expect(inspect(id).State.OOMKilled).toBe(true);
    daemon.sampan('rm', id);
  });
});

describe('exec', () => {
  test('runs in the container and gives back output and status', () => {
    const id = sleeper('-e', 'A=1', '-w', '/tmp');
    const outcome = daemon.run('sampan', [
      'exec',
      '-e',
      'B=2',
      id,
      'sh',
      '-c',
      'echo $A $B $PWD; echo e >&2; exit 9',
    ]);
    expect(outcome).toEqual({ stdout: '1 2 /tmp\n', stderr: 'e\n', status: 9 });
    expect(daemon.run('sampan', ['exec', '-i', id, 'cat'], 'through').stdout).toBe('through');
    expect(daemon.sampan('exec', '-u', 'www-data', '-w', '/etc', id, 'sh', '-c', 'id -un; pwd')).toBe(
      'www-data\n/etc',
    );
    daemon.sampan('rm', '-f', id);
  });

  test('of a missing program says so with 127, and of a stopped container with 1', () => {
    const id = sleeper();
    const missing = daemon.run('sampan', ['exec', id, 'nonexistent']);
    expect(missing.status).toBe(127);
    expect(missing.stdout + missing.stderr).toContain(
      'exec: "nonexistent": executable file not found in $PATH',
    );
    daemon.sampan('stop', '-t', '0', id);
    const stopped = daemon.run('sampan', ['exec', id, 'true']);
    expect(stopped.status).toBe(1);
    expect(stopped.stderr).toContain('is not running');
    daemon.sampan('rm', id);
  });

  test('has its exit code as soon as its stream has ended', async () => {
    const id = sleeper();
    for (let round = 0; round < 50; round++) {
      const { body } = await daemon.request('POST', `/containers/${id}/exec`, {
        Cmd: ['false'],
        AttachStdout: true,
      });
      await daemon.request('POST', `/exec/${body.Id}/start`, { Detach: false });
      expect((await daemon.request('GET', `/exec/${body.Id}/json`)).body.ExitCode).toBe(1);
    }
    daemon.sampan('rm', '-f', id);
  });

  test('detached leaves its process running', () => {
    const id = sleeper();
    daemon.sampan('exec', '-d', id, 'sleep', '777');
    expect(daemon.sampan('top', id)).toContain('sleep 777');
    daemon.sampan('rm', '-f', id);
  });
});

describe('logs', () => {
  test('can be cut by lines and stamped with times', () => {
    const id = daemon.sampan('run', '-d', 'busybox', 'sh', '-c', 'for i in 1 2 3 4 5; do echo $i; done');
    daemon.sampan('wait', id);
    expect(daemon.sampan('logs', '--tail', '2', id)).toBe('4\n5');
    expect(daemon.sampan('logs', '-t', '--tail', '1', id)).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z 5$/,
    );
    daemon.sampan('rm', id);
  });

  test('followed end with the container, whole', () => {
    const id = daemon.sampan(
      'run',
      '-d',
      'busybox',
      'sh',
      '-c',
      'for i in $(seq 1 200); do echo $i; usleep 1000; done',
    );
    const lines = daemon.sampan('logs', '-f', id).split('\n');
    expect(lines).toEqual(Array.from({ length: 200 }, (_, index) => String(index + 1)));
    daemon.sampan('rm', id);
  });
});
