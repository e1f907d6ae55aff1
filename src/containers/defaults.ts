import { existsSync, readdirSync } from 'node:fs';
import { DEFAULT_SHM_SIZE, MASKED_PATHS, READONLY_PATHS, thermalThrottlePath } from '../oci/defaults.ts';

/** What the daemon's configuration gives containers that do not say otherwise. */
export interface ContainerDefaults {
  /** Bytes. */
  readonly shmSize: number;
  readonly ipcMode: string;
  /** Undefined: as fits the cgroup version. */
  readonly cgroupnsMode: string | undefined;
  readonly logConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> };
  readonly ulimits: readonly { readonly Name: string; readonly Hard: number; readonly Soft: number }[];
  /** Run every container under the init process. */
  readonly init: boolean;
  readonly noNewPrivileges: boolean;
  /** Empty for the built-in "/sampan" (cgroupfs) or "system.slice" (systemd). */
  readonly cgroupParent: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  readonly dns: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly dnsSearch: readonly string[];
  /** Text of the profile for containers that name none; empty for the built-in one. */
  readonly seccompProfile: string;
}

export const builtInDefaults: ContainerDefaults = {
  shmSize: DEFAULT_SHM_SIZE,
  ipcMode: 'private',
  cgroupnsMode: undefined,
  logConfig: { Type: 'json-file', Config: {} },
  ulimits: [],
  init: false,
  noNewPrivileges: false,
  cgroupParent: '',
  cgroupDriver: 'cgroupfs',
  dns: [],
  dnsOptions: [],
  dnsSearch: [],
  seccompProfile: '',
};

/** Docker's default lists, with the paths of this host's processors. */
export function defaultMaskedPaths(): string[] {
  return [...MASKED_PATHS, ...thermalThrottlePaths()];
}

export function defaultReadonlyPaths(): string[] {
  return [...READONLY_PATHS];
}

let throttlePaths: readonly string[] | undefined;

/** Processors do not come and go often enough to look again. */
function thermalThrottlePaths(): readonly string[] {
  throttlePaths ??= processors().map(thermalThrottlePath).filter(existsSync);
  return throttlePaths;
}

function processors(): number[] {
  try {
    const names = readdirSync('/sys/devices/system/cpu').filter((name) => /^cpu\d+$/.test(name));
    return names.map((name) => Number(name.slice(3))).sort((a, b) => a - b);
  } catch {
    return [];
  }
}
