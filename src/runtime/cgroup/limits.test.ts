import { describe, expect, test } from 'bun:test';
import type { SpecResources } from '../../oci/runtime-spec.ts';
import { limitsOf } from './v1-limits.ts';
import { cpuWeight, ioWeight, unifiedLimits } from './v2-limits.ts';

const full: SpecResources = {
  memory: { limit: 1000, swap: 3000, reservation: 500, swappiness: 10, disableOOMKiller: true },
  cpu: { shares: 1024, period: 100_000, quota: 150_000, cpus: '0-1', mems: '0' },
  pids: { limit: 7 },
  blockIO: {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 200 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1024 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 50 }],
  },
  hugepageLimits: [{ pageSize: '2MB', limit: 4096 }],
};

test('version 1 limits are written to the files of their controllers', () => {
  const lines = limitsOf(full).map(({ controller, file, value }) => `${controller} ${file} ${value}`);
  expect(lines).toEqual([
    'memory memory.limit_in_bytes 1000',
    'memory memory.memsw.limit_in_bytes 3000',
    'memory memory.soft_limit_in_bytes 500',
    'memory memory.swappiness 10',
    'memory memory.oom_control 1',
    'cpu cpu.shares 1024',
    'cpu cpu.cfs_period_us 100000',
    'cpu cpu.cfs_quota_us 150000',
    'cpuset cpuset.cpus 0-1',
    'cpuset cpuset.mems 0',
    'pids pids.max 7',
    'blkio blkio.weight 500',
    'blkio blkio.weight_device 8:0 200',
    'blkio blkio.throttle.read_bps_device 8:0 1024',
    'blkio blkio.throttle.write_iops_device 8:16 50',
    'hugetlb hugetlb.2MB.limit_in_bytes 4096',
  ]);
});

describe('version 2 limits', () => {
  test('are converted to its files', () => {
    const lines = unifiedLimits({ ...full, unified: { 'memory.high': '900' } }, 'io.weight').map(
      ({ file, value }) => `${file} ${value}`,
    );
    expect(lines).toEqual([
      'memory.swap.max 2000',
      'memory.max 1000',
      'memory.low 500',
      'cpu.weight 100',
      'cpu.max 150000 100000',
      'cpuset.cpus 0-1',
      'cpuset.mems 0',
      'pids.max 7',
      'io.weight 4950',
      'io.weight 8:0 1920',
      'io.max 8:0 rbps=1024',
      'io.max 8:16 wiops=50',
      'hugetlb.2MB.max 4096',
      'memory.high 900',
    ]);
  });

  test.each([
    [{ limit: 1000, swap: -1 }, 'max'],
    [{ limit: 1000, swap: 1000 }, '0'],
    [{ limit: -1, swap: -1 }, 'max'],
  ])('of memory and swap %p leave %s of swap', (memory, value) => {
    expect(unifiedLimits({ memory }, 'io.weight')).toContainEqual({ file: 'memory.swap.max', value });
  });

  test('need a memory limit for one of swap', () => {
    expect(() => unifiedLimits({ memory: { swap: 5 } }, 'io.weight')).toThrow('without memory limit');
  });

  test('have no quota without a positive one', () => {
    expect(unifiedLimits({ cpu: { quota: -1 } }, 'io.weight')).toEqual([
      { file: 'cpu.max', value: 'max 100000' },
    ]);
    expect(unifiedLimits({ pids: { limit: -1 } }, 'io.weight')).toEqual([{ file: 'pids.max', value: 'max' }]);
  });

  test('keep the ends and the middle of the old scales', () => {
    expect([2, 1024, 262_144].map(cpuWeight)).toEqual([1, 100, 10_000]);
    expect([10, 1000].map(ioWeight)).toEqual([1, 10_000]);
    expect(unifiedLimits({ blockIO: { weight: 300 } }, 'io.bfq.weight')).toEqual([
      { file: 'io.bfq.weight', value: '300' },
    ]);
  });
});
