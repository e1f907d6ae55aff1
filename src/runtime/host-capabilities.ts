import { existsSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';
import type { CgroupLayout } from './cgroup/layout.ts';
import { readText } from './cgroup/setting.ts';
import type { HostCapabilities } from './contract.ts';

type CgroupCapabilities = Pick<
  HostCapabilities,
  | 'memoryLimit'
  | 'swapLimit'
  | 'kernelMemoryTcp'
  | 'cpuCfs'
  | 'cpuShares'
  | 'cpuset'
  | 'pidsLimit'
  | 'blkioWeight'
  | 'oomKillDisable'
  | 'cpuRealtime'
>;

/** Looks at /proc, /sys and at the files of `group`, an existing group whose limits are like those of the containers' groups. */
export function readHostCapabilities(layout: CgroupLayout, group: string): HostCapabilities {
  return {
    cgroupVersion: layout.version,
    cgroupControllers: controllersOf(layout),
    kernelVersion: release(),
    seccomp: existsSync('/proc/sys/kernel/seccomp/actions_avail'),
    appArmor: readText('/sys/module/apparmor/parameters/enabled')?.startsWith('Y') ?? false,
    ...(layout.version === 1
      ? version1Capabilities((controller, file) => {
          const hierarchy = layout.hierarchies.find((one) => one.controllers.includes(controller));
          return hierarchy !== undefined && existsSync(`${hierarchy.mountpoint}${group}/${file}`);
        })
      : version2Capabilities((file) => existsSync(`${layout.mountpoint}${group}/${file}`))),
    processors: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

function controllersOf(layout: CgroupLayout): ReadonlySet<string> {
  if (layout.version === 2) return layout.controllers;
  const names = layout.hierarchies.flatMap((hierarchy) => hierarchy.controllers);
  return new Set(names.filter((name) => !name.startsWith('name=')));
}

function version1Capabilities(has: (controller: string, file: string) => boolean): CgroupCapabilities {
  return {
    memoryLimit: has('memory', 'memory.limit_in_bytes'),
    swapLimit: has('memory', 'memory.memsw.limit_in_bytes'),
    kernelMemoryTcp: has('memory', 'memory.kmem.tcp.limit_in_bytes'),
    cpuCfs: has('cpu', 'cpu.cfs_quota_us'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuset: has('cpuset', 'cpuset.cpus'),
    pidsLimit: has('pids', 'pids.max'),
    blkioWeight: has('blkio', 'blkio.weight'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    cpuRealtime: has('cpu', 'cpu.rt_runtime_us'),
  };
}

function version2Capabilities(has: (file: string) => boolean): CgroupCapabilities {
  return {
    memoryLimit: has('memory.max'),
    swapLimit: has('memory.swap.max'),
    kernelMemoryTcp: false,
    cpuCfs: has('cpu.max'),
    cpuShares: has('cpu.weight'),
    cpuset: has('cpuset.cpus'),
    pidsLimit: has('pids.max'),
    blkioWeight: has('io.weight') || has('io.bfq.weight'),
    oomKillDisable: false,
    cpuRealtime: false,
  };
}
