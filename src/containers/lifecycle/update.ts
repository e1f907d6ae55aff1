import { conflict, messageOf, SampanError } from '../../base/errors.ts';
import type { HostConfig, UpdateConfig } from '../../wire/container-config.ts';
import { checkRestartPolicy } from '../create/check-host-config.ts';
import { adaptResources } from '../create/check-resources.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { buildResources } from '../spec/resource-limits.ts';

/** `docker update`: the limits named are changed, live if the container runs. Returns warnings. */
export function updateEntry(parts: Parts, entry: Entry, change: UpdateConfig): Promise<readonly string[]> {
  checkRestartPolicy(change.RestartPolicy);
  const { resources, warnings } = adaptResources(change, parts.runtime.capabilities, 'update');
  return entry.lock.run(async () => {
    const before = entry.container;
    try {
      const hostConfig = applyUpdate(entry, resources);
      // The task first: what the kernel refuses must not be written down.
      await entry.task?.update(parts.background, buildResources(resources));
      entry.container = { ...entry.container, hostConfig };
      parts.store.saveIdentity(entry);
    } catch (error) {
      entry.container = { ...entry.container, hostConfig: before.hostConfig };
      const code = error instanceof SampanError ? error.code : 'internal';
      throw new SampanError(code, `Cannot update container ${entry.id}: ${messageOf(error)}`, {
        cause: error,
      });
    }
    parts.events.container(entry.container, 'update');
    return warnings;
  });
}

function applyUpdate(entry: Entry, change: UpdateConfig): HostConfig {
  const current = entry.container.hostConfig;
  if (entry.removing || ['removing', 'dead'].includes(entry.container.state.status)) {
    throw conflict('container is marked for removal and cannot be "update"');
  }
  checkConflicts(current, change);
  return { ...current, ...changedLimits(change), ...changedPolicy(current, change) };
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

const numbers = [
  'BlkioWeight',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
] as const;

function changedLimits(change: UpdateConfig): Partial<HostConfig> {
  const changed: Partial<HostConfig> = {};
  for (const key of numbers) if (change[key] !== 0) changed[key] = change[key];
  if (change.CpusetCpus !== '') changed.CpusetCpus = change.CpusetCpus;
  if (change.CpusetMems !== '') changed.CpusetMems = change.CpusetMems;
  if (change.PidsLimit !== null) changed.PidsLimit = change.PidsLimit;
  return changed;
}

function changedPolicy(current: HostConfig, { RestartPolicy: policy }: UpdateConfig): Partial<HostConfig> {
  if (policy.Name === '') return {};
  if (current.AutoRemove && policy.Name !== 'no') {
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
  }
  return { RestartPolicy: policy };
}
