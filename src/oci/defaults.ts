import type { SpecDevice, SpecDeviceRule, SpecMount } from './runtime-spec.ts';

/** What a container gets unless told otherwise, as Docker has it. Pure data, for whoever builds a RuntimeSpec. */

/** Bytes of /dev/shm. */
export const DEFAULT_SHM_SIZE = 64 << 20;

/**
 * The mounts of a fresh container, in the order in which they are made. `type` "cgroup" stands for either cgroup version:
 * the runtime mounts what the host has.
 */
export function defaultMounts(shmSize: number = DEFAULT_SHM_SIZE): readonly SpecMount[] {
  const plain = ['nosuid', 'noexec', 'nodev'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: plain },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...plain, 'ro'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', ...plain] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: plain },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...plain, 'mode=1777', `size=${shmSize}`],
    },
  ];
}

/** Hidden from containers that are not privileged; missing ones are passed over. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

/** The further masked path of a processor that counts thermal throttling, a side channel. */
export function thermalThrottlePath(processor: number): string {
  return `/sys/devices/system/cpu/cpu${processor}/thermal_throttle`;
}

export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** Sysctls of a container with a network namespace of its own and no user namespace. */
export const DEFAULT_SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

/** The nodes that every /dev has (OCI config-linux.md, "Default Devices"); the runtime adds those that a spec leaves out. */
export const DEFAULT_DEVICES: readonly SpecDevice[] = [
  worldDevice('/dev/null', 1, 3),
  worldDevice('/dev/zero', 1, 5),
  worldDevice('/dev/full', 1, 7),
  worldDevice('/dev/random', 1, 8),
  worldDevice('/dev/urandom', 1, 9),
  worldDevice('/dev/tty', 5, 0),
];

function worldDevice(path: string, major: number, minor: number): SpecDevice {
  return { path, type: 'c', major, minor, fileMode: 0o666, uid: 0, gid: 0 };
}

/** Links that every fresh /dev has, target by path. */
export const DEVICE_LINKS: Readonly<Record<string, string>> = {
  '/dev/fd': '/proc/self/fd',
  '/dev/stdin': '/proc/self/fd/0',
  '/dev/stdout': '/proc/self/fd/1',
  '/dev/stderr': '/proc/self/fd/2',
};

/** The rule of a privileged container. */
export const ALL_DEVICES_RULE: SpecDeviceRule = { allow: true, type: 'a', access: 'rwm' };

/**
 * The device cgroup's rules, later ones winning; a container's own are added after them. Nodes of any kind may be made
 * (`m`), but only these opened.
 */
export const DEFAULT_DEVICE_RULES: readonly SpecDeviceRule[] = [
  { allow: false, type: 'a', access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  ...DEFAULT_DEVICES.map(({ major, minor }) => openable(major, minor)),
  openable(5, 1),
  openable(5, 2),
  { allow: true, type: 'c', major: 136, access: 'rwm' },
  openable(10, 200),
];

function openable(major: number, minor: number): SpecDeviceRule {
  return { allow: true, type: 'c', major, minor, access: 'rwm' };
}
