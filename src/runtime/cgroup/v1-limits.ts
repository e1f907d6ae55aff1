import type { SpecResources, SpecThrottle } from '../../oci/runtime-spec.ts';
import { deviceLines } from '../device-filter.ts';

/** A limit in version 1: which controller, which of its files, what to write. */
export interface Limit {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

/** A limit that is not set has no line. The order is that in which the kernel accepts them in a fresh group. */
export function limitsOf(resources: SpecResources): Limit[] {
  return [
    ...memoryLimits(resources.memory),
    ...cpuLimits(resources.cpu),
    ...pidsLimits(resources.pids),
    ...blockLimits(resources.blockIO),
    ...hugepageLimits(resources.hugepageLimits),
    ...deviceLimits(resources.devices),
  ];
}

function memoryLimits(memory: SpecResources['memory'] = {}): Limit[] {
  const swappiness = memory.swappiness === -1 ? undefined : memory.swappiness;
  return limitsIn('memory', [
    ['memory.limit_in_bytes', memory.limit],
    ['memory.memsw.limit_in_bytes', memory.swap],
    ['memory.soft_limit_in_bytes', memory.reservation],
    ['memory.kmem.tcp.limit_in_bytes', memory.kernelTCP],
    ['memory.swappiness', swappiness],
    ['memory.oom_control', memory.disableOOMKiller === true ? 1 : undefined],
  ]);
}

function cpuLimits(cpu: SpecResources['cpu'] = {}): Limit[] {
  return [
    ...limitsIn('cpu', [
      ['cpu.shares', cpu.shares],
      ['cpu.cfs_period_us', cpu.period],
      ['cpu.cfs_quota_us', cpu.quota],
      ['cpu.rt_period_us', cpu.realtimePeriod],
      ['cpu.rt_runtime_us', cpu.realtimeRuntime],
    ]),
    ...limitsIn('cpuset', [
      ['cpuset.cpus', cpu.cpus || undefined],
      ['cpuset.mems', cpu.mems || undefined],
    ]),
  ];
}

function pidsLimits(pids: SpecResources['pids']): Limit[] {
  if (pids === undefined) return [];
  return limitsIn('pids', [['pids.max', pids.limit > 0 ? pids.limit : 'max']]);
}

function blockLimits(block: SpecResources['blockIO'] = {}): Limit[] {
  const weights = (block.weightDevice ?? []).map(({ major, minor, weight }): [string, string] => [
    'blkio.weight_device',
    `${major}:${minor} ${weight}`,
  ]);
  return limitsIn('blkio', [
    ['blkio.weight', block.weight],
    ...weights,
    ...throttles('blkio.throttle.read_bps_device', block.throttleReadBpsDevice),
    ...throttles('blkio.throttle.write_bps_device', block.throttleWriteBpsDevice),
    ...throttles('blkio.throttle.read_iops_device', block.throttleReadIOPSDevice),
    ...throttles('blkio.throttle.write_iops_device', block.throttleWriteIOPSDevice),
  ]);
}

function throttles(file: string, limits: readonly SpecThrottle[] = []): [string, string][] {
  return limits.map(({ major, minor, rate }) => [file, `${major}:${minor} ${rate}`]);
}

function hugepageLimits(limits: SpecResources['hugepageLimits'] = []): Limit[] {
  return limitsIn(
    'hugetlb',
    limits.map(({ pageSize, limit }) => [`hugetlb.${pageSize}.limit_in_bytes`, limit]),
  );
}

function deviceLimits(rules: SpecResources['devices'] = []): Limit[] {
  return limitsIn(
    'devices',
    deviceLines(rules).map(({ file, line }) => [file, line]),
  );
}

function limitsIn(
  controller: string,
  values: readonly (readonly [string, number | string | undefined])[],
): Limit[] {
  return values.flatMap(([file, value]) =>
    value === undefined ? [] : [{ controller, file, value: String(value) }],
  );
}
