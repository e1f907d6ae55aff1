import type { HostCapabilities } from '../../runtime/contract.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import { type ContainerDefaults, defaultMaskedPaths, defaultReadonlyPaths } from '../defaults.ts';
import { completeLogConfig } from '../logs/log-config.ts';

/** The host configuration with everything filled in that was left open, as inspect shows it afterwards. */
export function completeHostConfig(
  given: HostConfig,
  defaults: ContainerDefaults,
  host: HostCapabilities,
): HostConfig {
  const completed: HostConfig = {
    ...given,
    ...resourceDefaults(given, host),
    LogConfig: completeLogConfig(given.LogConfig, defaults.logConfig),
    NetworkMode: given.NetworkMode === '' || given.NetworkMode === 'default' ? 'bridge' : given.NetworkMode,
    PortBindings: given.PortBindings ?? {},
    RestartPolicy: { ...given.RestartPolicy, Name: given.RestartPolicy.Name || 'no' },
    ConsoleSize: given.ConsoleSize ?? [0, 0],
    IpcMode: given.IpcMode || defaults.ipcMode,
    CgroupnsMode: given.CgroupnsMode || cgroupnsDefault(given, defaults, host),
    ShmSize: given.ShmSize || defaults.shmSize,
    SecurityOpt: securityDefault(given),
    Ulimits: mergeUlimits(given.Ulimits, defaults.ulimits),
    Runtime: given.Runtime || 'runc',
  };
  if (!given.Privileged) {
    completed.MaskedPaths = given.MaskedPaths ?? defaultMaskedPaths();
    completed.ReadonlyPaths = given.ReadonlyPaths ?? defaultReadonlyPaths();
  }
  return completed;
}

function resourceDefaults(
  given: HostConfig,
  host: HostCapabilities,
): Pick<HostConfig, 'MemorySwap' | 'PidsLimit' | 'OomKillDisable'> {
  const limit = given.PidsLimit;
  return {
    MemorySwap: given.Memory > 0 && given.MemorySwap === 0 ? given.Memory * 2 : given.MemorySwap,
    PidsLimit: limit === null || limit <= 0 ? null : limit,
    OomKillDisable: given.OomKillDisable ?? (host.oomKillDisable ? false : null),
  };
}

/** cgroup v1 hides nothing behind its namespace that clients expect; Docker keeps the host's there. */
function cgroupnsDefault(given: HostConfig, defaults: ContainerDefaults, host: HostCapabilities): string {
  if (given.Privileged && host.cgroupVersion === 1) return 'host';
  return defaults.cgroupnsMode ?? (host.cgroupVersion === 2 ? 'private' : 'host');
}

/** What shares the host's processes cannot be told apart from them by labels. */
function securityDefault(given: HostConfig): string[] | null {
  const own = given.SecurityOpt;
  const labelled = own?.some((option) => option.split('=')[0] === 'label') === true;
  const open = given.Privileged || given.IpcMode === 'host' || given.PidMode === 'host';
  return open && !labelled ? [...(own ?? []), 'label=disable'] : own;
}

function mergeUlimits(
  own: HostConfig['Ulimits'],
  defaults: ContainerDefaults['ulimits'],
): HostConfig['Ulimits'] {
  if (defaults.length === 0) return own;
  const named = new Set((own ?? []).map((limit) => limit.Name));
  return [...(own ?? []), ...defaults.filter((limit) => !named.has(limit.Name))];
}
