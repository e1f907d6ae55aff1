import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
});

const often = ['--health-interval', '100ms', '--health-retries', '2', '--health-timeout', '5s'];

async function health(name: string): Promise<Json> {
  return (await daemon.request('GET', `/containers/${name}/json`)).body.State.Health;
}

async function becomes(name: string, status: string): Promise<Json> {
  for (let tries = 0; tries < 500; tries++) {
    const now = await health(name);
    if (now?.Status === status) return now;
    await Bun.sleep(20);
  }
  throw new Error(`${name} did not become ${status}: ${JSON.stringify(await health(name))}`);
}

describe('a health check', () => {
  test('follows what its command says', async () => {
    daemon.sampan('run', '-d', '--name', 'turn', '--health-cmd', 'cat /well', ...often, 'busybox', 'top');
    expect((await health('turn')).Status).toBe('starting');
    const ill = await becomes('turn', 'unhealthy');
    expect(ill.Log[0]).toMatchObject({ ExitCode: 1, Output: expect.stringContaining("can't open '/well'") });
    expect(daemon.sampan('ps', '--filter', 'health=unhealthy', '--format', '{{.Names}} {{.Status}}')).toMatch(
      /^turn Up .* \(unhealthy\)$/,
    );
    daemon.sampan('exec', 'turn', 'touch', '/well');
    expect(await becomes('turn', 'healthy')).toMatchObject({ FailingStreak: 0 });
    expect(daemon.sampan('ps', '-q', '--filter', 'health=unhealthy')).toBe('');
  });

  test('that takes too long is killed and has failed', async () => {
    const slow = ['--health-cmd', 'echo early; sleep 1000', ...often, '--health-timeout', '200ms'];
    daemon.sampan('run', '-d', '--name', 'slow', ...slow, 'busybox', 'top');
    const { Log } = await becomes('slow', 'unhealthy');
    expect(Log[0]).toMatchObject({ ExitCode: -1, Output: 'Health check exceeded timeout (0.2s): early\n' });
  });

  test('that cannot run has failed', async () => {
    const body = {
      ...{ Image: 'busybox', Cmd: ['top'] },
      Healthcheck: { Test: ['CMD', '/nothing'], Interval: 100_000_000, Retries: 1 },
    };
    await daemon.request('POST', '/containers/create?name=none', body);
    await daemon.request('POST', '/containers/none/start');
    expect((await becomes('none', 'unhealthy')).Log[0]).toMatchObject({
      ...{ ExitCode: -1, Output: expect.stringContaining('no such file or directory') },
    });
  });

  test('rests while the container is paused, and begins anew with it', async () => {
    const count = 'echo x >> /count';
    daemon.sampan('run', '-d', '--name', 'rest', '--health-cmd', count, ...often, 'busybox', 'top');
    await becomes('rest', 'healthy');
    daemon.sampan('pause', 'rest');
    const before = await health('rest');
    await Bun.sleep(400);
    expect(await health('rest')).toEqual(before);
    daemon.sampan('unpause', 'rest');
    daemon.sampan('restart', '-t', '0', 'rest');
    await becomes('rest', 'healthy');
    daemon.sampan('stop', '-t', '0', 'rest');
    expect((await daemon.request('GET', '/containers/rest/json')).body.State.Status).toBe('exited');
  });

  test('goes on under the next daemon', async () => {
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    daemon.sampan('exec', 'turn', 'rm', '/well');
    await becomes('turn', 'unhealthy');
  });

  test('is told by events', async () => {
    const until = String(Math.ceil(Date.now() / 1_000) + 1);
    const events = daemon.sampan(
      'events',
      '--since',
      '0',
      '--until',
      until,
      '--filter',
      'event=health_status',
    );
    expect(events).toMatch(/health_status: (un)?healthy/);
  });
});
