import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type { SpecResources } from '../oci/runtime-spec.ts';
import type { Task } from './contract.ts';
import { context, groupDirectories, TestHost } from './testing/host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

const MEBIBYTE = 1 << 20;

function limited(resources: SpecResources): { linux: { resources: SpecResources } } {
  return { linux: { resources } };
}

/** The value of a limit's file, in whichever hierarchy and version the host has. */
function limitOf(task: Task, names: readonly string[]): string {
  for (const directory of groupDirectories(`${host.cgroupParent}/${task.id}`)) {
    for (const name of names) {
      try {
        return readFileSync(`${directory}/${name}`, 'utf8').trim();
      } catch {
        // In another hierarchy.
      }
    }
  }
  throw new Error(`no ${names.join(' or ')}`);
}

describe('a container', () => {
  test('that uses more memory than it may is killed, and its exit says so', async () => {
    const resources = { memory: { limit: 16 * MEBIBYTE, swap: 16 * MEBIBYTE } };
    const task = await host.start(
      ['sh', '-c', 'x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo $?'],
      limited(resources),
    );
    let notices = 0;
    task.onOom(() => notices++);
    const exit = await task.exited;
    await host.runtime.forget(context, task.id);
    expect(exit.oomKilled).toBe(true);
    expect(notices).toBeGreaterThan(0);
  });

  test('cannot have more processes than it may', async () => {
    const script = 'for i in 1 2 3 4 5 6; do sleep 5 & done; echo made';
    const { stderr, exit } = await host.run(['sh', '-c', script], limited({ pids: { limit: 4 } }));
    expect(stderr).toContain("can't fork");
    expect(exit.code).not.toBe(0);
  });

  test('has the limits that were asked for', async () => {
    const task = await host.start(
      ['sleep', '100'],
      limited({
        memory: { limit: 64 * MEBIBYTE, swap: 96 * MEBIBYTE, reservation: 32 * MEBIBYTE },
        cpu: { shares: 512, period: 50_000, quota: 25_000, cpus: '0', mems: '0' },
        pids: { limit: 50 },
      }),
    );
    const first = host.runtime.capabilities.cgroupVersion === 1;
    expect(limitOf(task, ['memory.limit_in_bytes', 'memory.max'])).toBe(String(64 * MEBIBYTE));
    expect(limitOf(task, ['memory.memsw.limit_in_bytes', 'memory.swap.max'])).toBe(
      String((first ? 96 : 32) * MEBIBYTE),
    );
    expect(limitOf(task, ['memory.soft_limit_in_bytes', 'memory.low'])).toBe(String(32 * MEBIBYTE));
    expect(limitOf(task, ['cpu.shares', 'cpu.weight'])).toBe(first ? '512' : '59');
    expect(limitOf(task, ['cpu.cfs_quota_us', 'cpu.max'])).toBe(first ? '25000' : '25000 50000');
    expect(limitOf(task, ['cpuset.cpus'])).toBe('0');
    expect(limitOf(task, ['pids.max'])).toBe('50');
    await host.end(task);
  });

  test('gets new limits while it runs', async () => {
    const task = await host.start(
      ['sleep', '100'],
      limited({ memory: { limit: 64 * MEBIBYTE, swap: 64 * MEBIBYTE } }),
    );
    const memory = ['memory.limit_in_bytes', 'memory.max'];
    for (const size of [256, 32]) {
      await task.update(context, {
        memory: { limit: size * MEBIBYTE, swap: size * MEBIBYTE },
        pids: { limit: 9 },
      });
      expect(limitOf(task, memory)).toBe(String(size * MEBIBYTE));
    }
    expect(limitOf(task, ['pids.max'])).toBe('9');
    await expect(task.update(context, { cpu: { cpus: '4711' } })).rejects.toThrow('failed to write "4711"');
    await host.end(task);
  });

  test('with a limit that the kernel refuses does not start and leaves nothing behind', async () => {
    const started = host.start(['true'], limited({ cpu: { cpus: '4711' } }));
    await expect(started).rejects.toThrow(/failed to write "4711": write \/sys\/fs\/cgroup.*cpuset.cpus/);
    expect(
      groupDirectories(host.cgroupParent).flatMap((path) =>
        [...new Bun.Glob('*/').scanSync({ cwd: path, onlyFiles: false })].filter(
          (name) => name.length === 64,
        ),
      ),
    ).toEqual([]);
  });
});

describe('a running container', () => {
  test('stands still while paused', async () => {
    const task = await host.start(['sh', '-c', 'i=0; while :; do i=$((i+1)); done']);
    await task.pause(context);
    const [pid] = await task.processes(context);
    const time = (): string | undefined =>
      readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15).join();
    const before = time();
    await Bun.sleep(30);
    expect(time()).toBe(before);
    await task.resume(context);
    const exit = await host.end(task);
    expect(exit.code).toBe(137);
  });

  test('can be killed while paused', async () => {
    const task = await host.start(['sleep', '100']);
    await task.pause(context);
    await task.signal(context, 9);
    await task.resume(context);
    expect((await host.end(task)).code).toBe(137);
  });

  test('tells what it uses', async () => {
    const script = 'head -c 1000000 /dev/zero > /dev/shm/x; sleep 100 & echo ready; exec sleep 100';
    const resources = { memory: { limit: 64 * MEBIBYTE }, pids: { limit: 40 } };
    const task = await host.start(['sh', '-c', script], limited(resources));
    for await (const _ of task.attachments[0]?.frames ?? []) break;
    const stats = await task.stats(context);
    expect(stats.pids).toEqual({ current: 2, limit: 40 });
    expect(stats.cpu.total).toBeGreaterThan(0);
    expect(stats.memory.limit).toBe(64 * MEBIBYTE);
    expect(stats.memory.usage).toBeGreaterThan(900_000);
    expect(Object.keys(stats.memory.stats).length).toBeGreaterThan(20);
    expect(Object.keys(stats.blkio)).toContain('io_service_bytes_recursive');
    expect(stats.networks).toEqual({});
    await host.end(task);
    await expect(task.stats(context)).rejects.toThrow();
  });
});
