import { type Stats, statSync } from 'node:fs';
import { internal } from '../../base/errors.ts';
import type { SpecDeviceRule, SpecResources, SpecThrottle } from '../../oci/runtime-spec.ts';
import type { Resources } from '../../wire/container-config.ts';
import { majorOf, minorOf } from './device-nodes.ts';

/** Docker's resource fields in OCI's terms; `devices` are the device cgroup's rules. */
export function buildResources(r: Resources, devices?: readonly SpecDeviceRule[]): SpecResources {
  return {
    ...(devices === undefined ? {} : { devices }),
    memory: memoryLimits(r),
    cpu: cpuLimits(r),
    blockIO: blockIoLimits(r),
    ...(r.PidsLimit === null ? {} : { pids: { limit: r.PidsLimit <= 0 ? -1 : r.PidsLimit } }),
  };
}

function memoryLimits(r: Resources): NonNullable<SpecResources['memory']> {
  return {
    ...(r.Memory > 0 ? { limit: r.Memory } : {}),
    ...(r.MemoryReservation > 0 ? { reservation: r.MemoryReservation } : {}),
    ...(r.MemorySwap !== 0 ? { swap: r.MemorySwap } : {}),
    ...(r.MemorySwappiness === null ? {} : { swappiness: r.MemorySwappiness }),
    ...(r.KernelMemoryTCP ? { kernelTCP: r.KernelMemoryTCP } : {}),
    ...(r.OomKillDisable === true ? { disableOOMKiller: true } : {}),
  };
}

/** NanoCpus are billionths of a processor; the kernel takes a quota per period, both in microseconds. */
const PERIOD = 100_000;

function cpuLimits(r: Resources): NonNullable<SpecResources['cpu']> {
  const nano = r.NanoCpus > 0 ? { period: PERIOD, quota: Math.floor((r.NanoCpus * PERIOD) / 1e9) } : {};
  return {
    ...(r.CpuShares > 0 ? { shares: r.CpuShares } : {}),
    ...nano,
    ...(r.CpuPeriod !== 0 ? { period: r.CpuPeriod } : {}),
    ...(r.CpuQuota !== 0 ? { quota: r.CpuQuota } : {}),
    ...(r.CpuRealtimePeriod !== 0 ? { realtimePeriod: r.CpuRealtimePeriod } : {}),
    ...(r.CpuRealtimeRuntime !== 0 ? { realtimeRuntime: r.CpuRealtimeRuntime } : {}),
    ...(r.CpusetCpus !== '' ? { cpus: r.CpusetCpus } : {}),
    ...(r.CpusetMems !== '' ? { mems: r.CpusetMems } : {}),
  };
}

function blockIoLimits(r: Resources): NonNullable<SpecResources['blockIO']> {
  return {
    ...(r.BlkioWeight > 0 ? { weight: r.BlkioWeight } : {}),
    ...listed('weightDevice', r.BlkioWeightDevice, ({ Path, Weight }) => ({
      ...deviceNumbers(Path),
      weight: Weight,
    })),
    ...listed('throttleReadBpsDevice', r.BlkioDeviceReadBps, throttle),
    ...listed('throttleWriteBpsDevice', r.BlkioDeviceWriteBps, throttle),
    ...listed('throttleReadIOPSDevice', r.BlkioDeviceReadIOps, throttle),
    ...listed('throttleWriteIOPSDevice', r.BlkioDeviceWriteIOps, throttle),
  };
}

function listed<K extends string, From, To>(
  key: K,
  entries: readonly From[] | null,
  convert: (entry: From) => To,
): { [P in K]?: readonly To[] } {
  if (!entries?.length) return {};
  const result: { [P in K]?: readonly To[] } = {};
  result[key] = entries.map(convert);
  return result;
}

function throttle({ Path, Rate }: { readonly Path: string; readonly Rate: number }): SpecThrottle {
  return { ...deviceNumbers(Path), rate: Rate };
}

function deviceNumbers(path: string): { major: number; minor: number } {
  let stat: Stats | undefined;
  try {
    stat = statSync(path, { throwIfNoEntry: false });
  } catch {
    stat = undefined;
  }
  if (stat === undefined) throw internal(`stat ${path}: no such file or directory`);
  return { major: majorOf(stat.rdev), minor: minorOf(stat.rdev) };
}
