import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readlinkSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { ContainerGroup, removeGroup } from '../fixtures/container-group.ts';
import { cgroupVersion, type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Resource limits: what is written for each flag, seen from the host, and what happens to who exceeds them. */

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

const MEBIBYTE = 1 << 20;

function shell(script: string, ...flags: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
}

interface Running extends Disposable {
  readonly id: string;
  readonly group: ContainerGroup;
}

function start(script: string, ...flags: string[]): Running {
  const id = daemon.sampan('run', '-d', ...flags, 'busybox', 'sh', '-c', script);
  return { id, group: new ContainerGroup(daemon, id), [Symbol.dispose]: () => daemon.sampan('rm', '-f', id) };
}

function inspect(id: string): Json {
  return JSON.parse(daemon.sampan('inspect', id))[0];
}

/** What the two versions have in their files. */
function either<T>(first: T, second: T): T {
  return cgroupVersion === 1 ? first : second;
}

const memoryOf = (group: ContainerGroup) => group.read('memory/memory.limit_in_bytes', 'memory.max');
const swapOf = (group: ContainerGroup) => group.read('memory/memory.memsw.limit_in_bytes', 'memory.swap.max');
const reservationOf = (group: ContainerGroup) =>
  group.read('memory/memory.soft_limit_in_bytes', 'memory.low');
const sharesOf = (group: ContainerGroup) => group.read('cpu/cpu.shares', 'cpu.weight');
const quotaOf = (group: ContainerGroup) =>
  either(
    () => `${group.read('cpu/cpu.cfs_quota_us', '')} ${group.read('cpu/cpu.cfs_period_us', '')}`,
    () => group.read('', 'cpu.max'),
  )();
const pidsOf = (group: ContainerGroup) => group.read('pids/pids.max', 'pids.max');
const cpusOf = (group: ContainerGroup) => group.read('cpuset/cpuset.cpus', 'cpuset.cpus');

describe('limits', () => {
  test('are none by default', () => {
    using plain = start('sleep 36000');
    expect(memoryOf(plain.group)).toBe(either('9223372036854771712', 'max'));
    expect(sharesOf(plain.group)).toBe(either('1024', '100'));
    expect(quotaOf(plain.group)).toBe(either('-1 100000', 'max 100000'));
    expect(pidsOf(plain.group)).toBe('max');
  });

  test('are those of the flags', () => {
    const memory = ['-m', '64m', '--memory-swap', '96m', '--memory-reservation', '32m'];
    const cpu = ['--cpus', '0.5', '--cpu-shares', '512', '--cpuset-cpus', '0', '--cpuset-mems', '0'];
    using limited = start('sleep 36000', ...memory, ...cpu, '--pids-limit', '20');
    const { group } = limited;
    expect(memoryOf(group)).toBe(String(64 * MEBIBYTE));
    expect(swapOf(group)).toBe(String(either(96, 32) * MEBIBYTE));
    expect(reservationOf(group)).toBe(String(32 * MEBIBYTE));
    expect(quotaOf(group)).toBe('50000 100000');
    expect(sharesOf(group)).toBe(either('512', '59'));
    expect(cpusOf(group)).toBe('0');
    expect(group.read('cpuset/cpuset.mems', 'cpuset.mems')).toBe('0');
    expect(pidsOf(group)).toBe('20');
  });

  test('of swap are as much again as memory, none, or unlimited', () => {
    using twice = start('sleep 36000', '-m', '64m');
    expect(swapOf(twice.group)).toBe(String(either(128, 64) * MEBIBYTE));
    using none = start('sleep 36000', '-m', '64m', '--memory-swap', '64m');
    expect(swapOf(none.group)).toBe(String(either(64 * MEBIBYTE, 0)));
    using unlimited = start('sleep 36000', '-m', '64m', '--memory-swap', '-1');
    expect(swapOf(unlimited.group)).toBe(either('9223372036854771712', 'max'));
  });

  test('of the processor may be given as period and quota', () => {
    using limited = start('sleep 36000', '--cpu-period', '50000', '--cpu-quota', '20000');
    expect(quotaOf(limited.group)).toBe('20000 50000');
  });

  test('that only version 1 has are written there and told to be discarded elsewhere', () => {
    const flags = ['-m', '64m', '--memory-swappiness', '30', '--oom-kill-disable'];
    const { stderr } = daemon.run('sampan', [
      'create',
      '--name',
      'old',
      ...flags,
      'busybox',
      'sleep',
      '36000',
    ]);
    const id = daemon.sampan('inspect', '-f', '{{.Id}}', 'old');
    daemon.sampan('start', id);
    const group = new ContainerGroup(daemon, id);
    if (cgroupVersion === 1) {
      expect(group.read('memory/memory.swappiness', '')).toBe('30');
      expect(group.read('memory/memory.oom_control', '')).toContain('oom_kill_disable 1');
    } else {
      expect(stderr).toMatch(/does not support.*OomKillDisable|OomKillDisable discarded/i);
    }
    daemon.sampan('rm', '-f', id);
  });

  test.each([
    [['-m', '5m'], 'Minimum memory limit allowed is 6MB'],
    [
      ['-m', '8m', '--memory-swap', '7m'],
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [
      ['--memory-swap', '40m'],
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    ],
    [['--cpus', '1000'], 'range of CPUs is from 0.01 to'],
    [
      ['--cpus', '1', '--cpu-period', '1000'],
      'Conflicting options: Nano CPUs and CPU Period cannot both be set',
    ],
    [['--cpu-period', '10'], 'CPU cfs period can not be less than 1ms'],
    [['--cpuset-cpus', '0-4000'], 'Requested CPUs are not available'],
  ])('that make no sense are refused: %p', (flags, message) => {
    const { status, stderr } = shell('true', ...flags);
    expect(status).toBe(125);
    expect(stderr).toContain(message);
  });

  test('hold for a group below the parent that was asked for', () => {
    const parent = `${daemon.cgroupParent}/special`;
    const { stdout } = shell(
      'cat /proc/self/cgroup',
      '--cgroup-parent',
      parent,
      '--cgroupns',
      'host',
      '-m',
      '64m',
    );
    expect(stdout).toContain(`${parent}/`);
    removeGroup(parent);
  });
});

/** The disk that the containers' files are on, as a device node. */
function diskOf(path: string): string {
  const { dev } = statSync(path);
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  const link = readlinkSync(`/sys/dev/block/${major}:${minor}`);
  const parent = basename(dirname(link));
  return `/dev/${parent === 'block' ? basename(link) : parent}`;
}

describe('limits of block devices', () => {
  test('are written for the device', () => {
    const disk = diskOf(daemon.home);
    const flags = ['--device-read-bps', `${disk}:1mb`, '--device-write-bps', `${disk}:2mb`];
    using limited = start(
      'sleep 36000',
      ...flags,
      '--device-read-iops',
      `${disk}:100`,
      '--device-write-iops',
      `${disk}:200`,
    );
    const rates = either(
      () =>
        ['read_bps', 'write_bps', 'read_iops', 'write_iops'].map(
          (kind) => limited.group.read(`blkio/blkio.throttle.${kind}_device`, '').split(' ')[1],
        ),
      () =>
        /rbps=(\d+) wbps=(\d+) riops=(\d+) wiops=(\d+)/.exec(limited.group.read('', 'io.max'))?.slice(1) ??
        [],
    )();
    expect(rates).toEqual([String(MEBIBYTE), String(2 * MEBIBYTE), '100', '200']);
  });

  test('slow down who writes more', () => {
    const started = performance.now();
    const write = 'dd if=/dev/zero of=/big bs=64k count=32 oflag=direct 2>/dev/null && echo written';
    expect(shell(write, '--device-write-bps', `${diskOf(daemon.home)}:1mb`).stdout).toBe('written\n');
    // Two mebibytes at one a second, less what the kernel lets through in the first moment.
    expect(performance.now() - started).toBeGreaterThan(1_000);
  });

  test('that the host does not have fail the start', () => {
    const { status, stderr } = shell('true', '--device-read-bps', '/dev/nope:1mb');
    expect(status).toBeGreaterThan(124);
    expect(stderr).toContain('/dev/nope: no such file or directory');
  });
});

describe('a container', () => {
  test('that takes more memory than it may is killed, which its state and an event tell', async () => {
    const since = String(Date.now() / 1000 - 1);
    const id = daemon.sampan(
      'run',
      '-d',
      '-m',
      '16m',
      '--memory-swap',
      '16m',
      'busybox',
      'sh',
      '-c',
      'exec tail /dev/zero',
    );
    expect(daemon.sampan('wait', id)).toBe('137');
    expect(inspect(id).State).toMatchObject({ OOMKilled: true, ExitCode: 137, Status: 'exited' });
    const until = String(Date.now() / 1000 + 1);
    const events = daemon.sampan(
      'events',
      '--since',
      since,
      '--until',
      until,
      '--filter',
      `container=${id}`,
      '--format',
      '{{.Action}}',
    );
    expect(events.split('\n')).toContain('oom');
    daemon.sampan('rm', id);
  });

  test('within its limit is not, though a child of it was', () => {
    const id = daemon.sampan(
      'run',
      '-d',
      '-m',
      '16m',
      'busybox',
      'sh',
      '-c',
      'tail /dev/zero; echo $?; sleep 36000',
    );
    for (let tries = 0; daemon.sampan('logs', id) !== '137' && tries < 200; tries++) Bun.sleepSync(50);
    expect(daemon.sampan('logs', id)).toBe('137');
    expect(inspect(id).State).toMatchObject({ Status: 'running' });
    daemon.sampan('rm', '-f', id);
  });

  test('cannot have more processes than it may', () => {
    const { stdout, stderr } = shell('for i in 1 2 3 4 5 6; do sleep 1 & echo $i; done', '--pids-limit', '4');
    expect(stderr).toContain("can't fork: Resource temporarily unavailable");
    expect(stdout.trim().split('\n').length).toBeLessThan(6);
  });

  test('that wants more of the processor than it may is throttled', async () => {
    using busy = start('while :; do :; done', '--cpus', '0.1');
    const throttled = () => busy.group.number('cpu/cpu.stat', 'cpu.stat', 'nr_throttled');
    for (let tries = 0; throttled() === 0 && tries < 400; tries++) await Bun.sleep(25);
    expect(throttled()).toBeGreaterThan(0);
  });

  test('runs on the processors that it was given', () => {
    expect(shell('grep Cpus_allowed_list /proc/self/status', '--cpuset-cpus', '0').stdout).toBe(
      'Cpus_allowed_list:\t0\n',
    );
  });
});

describe('update', () => {
  test('changes what a running container may use', () => {
    using running = start(
      'sleep 36000',
      '-m',
      '64m',
      '--memory-swap',
      '64m',
      '--cpus',
      '0.5',
      '--pids-limit',
      '20',
    );
    const { id, group } = running;
    const refusal = daemon.run('sampan', ['update', '-m', '128m', id]).stderr;
    expect(refusal).toContain(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
    daemon.sampan('update', '-m', '128m', '--memory-swap', '256m', '--memory-reservation', '20m', id);
    expect([memoryOf(group), swapOf(group), reservationOf(group)].map(Number)).toEqual(
      [128, either(256, 128), 20].map((size) => size * MEBIBYTE),
    );
    daemon.sampan('update', '-m', '32m', '--memory-swap', '32m', id);
    expect([memoryOf(group), swapOf(group)].map(Number)).toEqual([32 * MEBIBYTE, either(32 * MEBIBYTE, 0)]);
    daemon.sampan(
      'update',
      '--cpus',
      '1.5',
      '--cpu-shares',
      '300',
      '--pids-limit',
      '40',
      '--cpuset-cpus',
      '1',
      id,
    );
    expect([quotaOf(group), pidsOf(group), cpusOf(group)]).toEqual(['150000 100000', '40', '1']);
    expect(sharesOf(group)).toBe(either('300', '39'));
    expect(inspect(id).HostConfig).toMatchObject({
      Memory: 32 * MEBIBYTE,
      NanoCpus: 1.5e9,
      CpuShares: 300,
      PidsLimit: 40,
    });
    daemon.sampan('update', '--pids-limit', '-1', id);
    expect(pidsOf(group)).toBe('max');
  });

  test('refuses what the host does not have, and keeps what was', () => {
    using running = start('sleep 36000', '--cpuset-cpus', '0');
    expect(daemon.run('sampan', ['update', '--cpuset-cpus', '4000', running.id]).status).toBe(1);
    expect(cpusOf(running.group)).toBe('0');
    expect(inspect(running.id).HostConfig.CpusetCpus).toBe('0');
  });
});

test('a paused container is frozen as a whole, and an unpaused one is not', () => {
  using running = start('while :; do usleep 10000; done');
  const frozen = () =>
    either(
      () => running.group.read('freezer/freezer.state', '') === 'FROZEN',
      () => running.group.number('', 'cgroup.events', 'frozen') === 1,
    )();
  daemon.sampan('pause', running.id);
  expect(frozen()).toBe(true);
  daemon.sampan('unpause', running.id);
  expect(frozen()).toBe(false);
  daemon.sampan('pause', running.id);
});

describe('stats', () => {
  test('tell what a container uses', async () => {
    const script = 'head -c 8000000 /dev/zero >/dev/shm/x; sleep 36000 & while :; do :; done';
    using busy = start(script, '-m', '64m', '--pids-limit', '40', '--cpus', '0.5');
    const read = async () => (await daemon.request('GET', `/containers/${busy.id}/stats?stream=0`)).body;
    let stats = await read();
    for (let tries = 0; stats.memory_stats.usage < 8_000_000 && tries < 50; tries++) stats = await read();
    expect(stats.memory_stats.usage).toBeGreaterThan(8_000_000);
    expect(stats.memory_stats.usage).toBeLessThan(64 * MEBIBYTE);
    expect(stats.memory_stats.limit).toBe(64 * MEBIBYTE);
    expect(stats.pids_stats).toEqual({ current: 2, limit: 40 });
    const used = stats.cpu_stats.cpu_usage.total_usage - stats.precpu_stats.cpu_usage.total_usage;
    const passed = stats.cpu_stats.system_cpu_usage - stats.precpu_stats.system_cpu_usage;
    expect(used / passed).toBeGreaterThan(0);
    expect((used / passed) * stats.cpu_stats.online_cpus).toBeLessThan(1);
    expect(stats.cpu_stats.throttling_data.periods).toBeGreaterThan(0);
    expect(Object.keys(stats.networks)).toEqual(['eth0']);
    expect(stats.memory_stats.stats).toHaveProperty(either('total_inactive_file', 'inactive_file'));
    const line = daemon.sampan('stats', '--no-stream', '--format', '{{.PIDs}} {{.MemUsage}}', busy.id);
    expect(line).toMatch(/^2 [\d.]+MiB \/ 64MiB$/);
  });
});

test('annotations are kept', () => {
  using running = start('sleep 36000', '--annotation', 'com.example.a=b');
  expect(inspect(running.id).HostConfig.Annotations).toEqual({ 'com.example.a': 'b' });
});
