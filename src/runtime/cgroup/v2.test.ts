import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import type { Task } from '../contract.ts';
import { context, outputOf, TestHost } from '../testing/host.ts';

/** A version 2 hierarchy: the host's only one, or the one without controllers that hybrid hosts have beside version 1. */
const mountpoints = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .filter((line) => line.includes(' - cgroup2 '))
  .map((line) => line.split(' ')[4] ?? '')
  .slice(0, 1);

describe.each(mountpoints)('version 2 on %s', (mountpoint) => {
  let host: TestHost;
  let task: Task;
  const directory = (): string => `${mountpoint}${host.cgroupParent}/${task.id}`;

  beforeAll(async () => {
    const controllers = new Set(
      readFileSync(`${mountpoint}/cgroup.controllers`, 'utf8').split(/\s+/).filter(Boolean),
    );
    host = await TestHost.open({ version: 2, mountpoint: mountpoint ?? '', controllers });
    const namespaces = [...host.bundle([]).spec.linux.namespaces, { type: 'cgroup' as const }];
    task = await host.start(['sleep', '1000'], { linux: { namespaces } });
  });
  afterAll(() => host[Symbol.asyncDispose]());

  async function exec(script: string): Promise<string> {
    const { process } = host.bundle(['sh', '-c', script]).spec;
    const started = await task.exec(context, {
      id: script.length.toString(16).padStart(64, 'e'),
      process,
      streams: { terminal: false, stdin: false, stdinOnce: false, size: { rows: 0, columns: 0 } },
      attach: { stdin: false, stdout: true, stderr: true, detachKeys: new Uint8Array(0) },
    });
    if (started.attachment === undefined) throw new Error('not attached');
    const { stdout, stderr } = await outputOf(started.attachment);
    await started.exited;
    return stdout + stderr;
  }

  test('has the process in its group from its birth', async () => {
    expect(await task.processes(context)).toEqual([task.pid]);
  });

  test('shows the group as the root of the hierarchy in a cgroup namespace', async () => {
    expect(await exec('cat /sys/fs/cgroup/cgroup.procs | head -n 1; grep ^0: /proc/1/cgroup')).toBe(
      '1\n0::/\n',
    );
  });

  test('lets devices be opened as the rules say', async () => {
    expect(await exec('head -c 1 /dev/zero | wc -c; mknod /tmp/mem c 1 1; head -c 1 /tmp/mem')).toBe(
      '1\nhead: /tmp/mem: Operation not permitted\n',
    );
  });

  test('stands still while paused', async () => {
    const frozen = (): string | undefined =>
      /^frozen (\d)$/m.exec(readFileSync(`${directory()}/cgroup.events`, 'utf8'))?.[1];
    await task.pause(context);
    expect(frozen()).toBe('1');
    expect(await host.runtime.recover(context, task.id)).toMatchObject({ paused: true });
    await task.resume(context);
    expect(frozen()).toBe('0');
    expect(await host.runtime.recover(context, task.id)).toMatchObject({ paused: false });
  });

  test('tells times', async () => {
    expect((await task.stats(context)).version).toBe(2);
    expect((await task.stats(context)).cpu.total).toBeGreaterThan(0);
  });

  test('leaves no group behind', async () => {
    await task.signal(context, 9);
    await task.exited;
    expect(existsSync(directory())).toBe(false);
    await host.runtime.forget(context, task.id);
  });
});
