import { conflict } from '../../base/errors.ts';
import type { HostConfig, UpdateConfig } from '../../wire/container-config.ts';
import type { Draft } from './draft.ts';

const numbers = {
  BlkioWeight: 'blkio-weight',
  CpuShares: 'cpu-shares',
  NanoCpus: 'cpus',
  CpuPeriod: 'cpu-period',
  CpuQuota: 'cpu-quota',
  Memory: 'memory',
  MemorySwap: 'memory-swap',
  MemoryReservation: 'memory-reservation',
  CpuRealtimePeriod: 'cpu-rt-period',
  CpuRealtimeRuntime: 'cpu-rt-runtime',
} as const;

/** The limits and the restart policy that an update names; what is 0, null or empty stays. Fails in Docker's words. */
export function draftLimits(draft: Draft, change: UpdateConfig): void {
  const { hostConfig } = draft;
  checkConflicts(hostConfig, change);
  draft.hostConfig = { ...hostConfig, ...changedLimits(draft, change), ...changedPolicy(draft, change) };
}

/** NanoCpus stands for period and quota: whoever set the one cannot set the other. */
function checkConflicts(current: HostConfig, change: UpdateConfig): void {
  const clash = (text: string): Error => conflict(`Conflicting options: ${text}`);
  if (change.NanoCpus > 0 && current.CpuPeriod > 0) {
    throw clash('Nano CPUs cannot be updated as CPU Period has already been set');
  }
  if (change.NanoCpus > 0 && current.CpuQuota > 0) {
    throw clash('Nano CPUs cannot be updated as CPU Quota has already been set');
  }
  if (change.CpuPeriod > 0 && current.NanoCpus > 0) {
    throw clash('CPU Period cannot be updated as NanoCPUs has already been set');
  }
  if (change.CpuQuota > 0 && current.NanoCpus > 0) {
    throw clash('CPU Quota cannot be updated as NanoCPUs has already been set');
  }
  if (change.Memory > current.MemorySwap && change.MemorySwap === 0 && current.MemorySwap !== -1) {
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  }
}

function changedLimits(draft: Draft, change: UpdateConfig): Partial<HostConfig> {
  const changed: Partial<HostConfig> = {};
  const note = (kind: string) => draft.note('what runs', kind);
  for (const key of Object.keys(numbers) as (keyof typeof numbers)[]) {
    if (change[key] === 0) continue;
    changed[key] = change[key];
    note(numbers[key]);
  }
  if (change.CpusetCpus !== '') {
    changed.CpusetCpus = change.CpusetCpus;
    note('cpuset-cpus');
  }
  if (change.CpusetMems !== '') {
    changed.CpusetMems = change.CpusetMems;
    note('cpuset-mems');
  }
  if (change.PidsLimit !== null) {
    changed.PidsLimit = change.PidsLimit;
    note('pids-limit');
  }
  return changed;
}

function changedPolicy(draft: Draft, { RestartPolicy: policy }: UpdateConfig): Partial<HostConfig> {
  if (policy.Name === '') return {};
  if (draft.hostConfig.AutoRemove && policy.Name !== 'no') {
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
  }
  draft.note('nobody', 'restart', policy.Name);
  return { RestartPolicy: policy };
}
