import type { StatsSample } from '../../containers/contract.ts';
import type { CgroupStats } from '../../runtime/contract.ts';
import { BlkioStats, CpuStats, type Stats } from '../../wire/stats-types.ts';
import { formatTime, ZERO_TIME } from '../../wire/times.ts';

/** A sample beside the one before it, from which clients compute rates. */
export function renderStats(sample: StatsSample, previous: StatsSample | undefined): Stats {
  const { cgroup, container } = sample;
  return {
    name: `/${container.name}`,
    id: container.id,
    read: cgroup === undefined ? ZERO_TIME : formatTime(sample.time),
    preread: previous?.cgroup === undefined ? ZERO_TIME : formatTime(previous.time),
    pids_stats: cgroup === undefined ? {} : renderPids(cgroup),
    blkio_stats: cgroup === undefined ? BlkioStats.zero() : renderBlkio(cgroup),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: renderCpu(sample),
    precpu_stats: previous === undefined ? CpuStats.zero() : renderCpu(previous),
    memory_stats: cgroup === undefined ? {} : renderMemory(cgroup),
    ...(cgroup?.networks === undefined ? {} : { networks: { ...cgroup.networks } }),
  };
}

function renderPids({ pids }: CgroupStats): Stats['pids_stats'] {
  return { current: pids.current, ...(pids.limit === undefined ? {} : { limit: pids.limit }) };
}

function renderBlkio({ blkio }: CgroupStats): BlkioStats {
  const result = BlkioStats.zero();
  for (const key of Object.keys(result) as (keyof BlkioStats)[]) {
    result[key] = blkio[key]?.map((entry) => ({ ...entry })) ?? null;
  }
  return result;
}

function renderCpu({ cgroup, systemCpu, onlineCpus }: StatsSample): CpuStats {
  if (cgroup === undefined) return CpuStats.zero();
  const { cpu } = cgroup;
  return {
    cpu_usage: {
      total_usage: cpu.total,
      ...(cpu.perCpu === undefined ? {} : { percpu_usage: [...cpu.perCpu] }),
      usage_in_kernelmode: cpu.kernel,
      usage_in_usermode: cpu.user,
    },
    system_cpu_usage: systemCpu,
    online_cpus: onlineCpus,
    throttling_data: {
      periods: cpu.periods,
      throttled_periods: cpu.throttledPeriods,
      throttled_time: cpu.throttledTime,
    },
  };
}

function renderMemory({ memory }: CgroupStats): Stats['memory_stats'] {
  return {
    usage: memory.usage,
    ...(memory.maxUsage === undefined ? {} : { max_usage: memory.maxUsage }),
    stats: { ...memory.stats },
    ...(memory.failCount === undefined ? {} : { failcnt: memory.failCount }),
    limit: memory.limit,
  };
}
