import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function startSleeper(): Promise<{ id: string; pid: number }> {
  const id = daemon.sampan('run', '-d', 'busybox', 'sleep', '1000');
  const { body } = await daemon.request('GET', `/containers/${id}/json`);
  return { id, pid: body.State.Pid };
}

/** What the daemon keeps about running containers only. */
function loseState(id: string): void {
  const run = join(daemon.home, 'run');
  for (const name of readdirSync(run, { recursive: true, encoding: 'utf8' })) {
    if (name.includes(id)) rmSync(join(run, name), { recursive: true, force: true });
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (!existsSync(`/proc/${pid}`)) return true;
    await Bun.sleep(20);
  }
  return false;
}

describe('a container whose state directory vanished', () => {
  test('can still be stopped and removed', async () => {
    const { id, pid } = await startSleeper();
    loseState(id);
    daemon.sampan('rm', '-f', id);
    expect(await gone(pid)).toBe(true);
  });

  test('while the daemon was away does not go on unseen', async () => {
    const { id, pid } = await startSleeper();
    await daemon.stopProcess('SIGKILL');
    loseState(id);
    await daemon.startProcess();
    const { body } = await daemon.request('GET', `/containers/${id}/json`);
    expect(body.State.Running).toBe(false);
    expect(await gone(pid)).toBe(true);
    daemon.sampan('rm', '-f', id);
  });
});

test('a launcher that was killed is started again for the next container', () => {
  const children = readdirSync('/proc').filter((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      return command.startsWith(join(daemon.home, 'run/sampan-launcher'));
    } catch {
      return false;
    }
  });
  const launcher = children.find((pid) =>
    /^Name:\s+sampan-launcher$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')),
  );
  process.kill(Number(launcher), 'SIGKILL');
  expect(daemon.sampan('run', '--rm', 'busybox', 'echo', 'alive')).toBe('alive');
});
