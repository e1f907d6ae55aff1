import { posix } from 'node:path';
import type { SpecMount } from '../oci/runtime-spec.ts';
import { MOUNT_ATTR_RDONLY, O_DIRECTORY, O_PATH } from '../plan/constants.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { CgroupMount } from './cgroup/contract.ts';
import { type MountOptions, parseMountOptions } from './mount-options.ts';
import { SOURCE_SLOT } from './slots.ts';
import { specError } from './start-errors.ts';

export interface MountsPlan {
  readonly steps: readonly Operation[];
  /** What makes mounts read-only in which something still had to be made. */
  readonly final: readonly Operation[];
}

/** `root` is the slot of the container's root, `mountCgroups` what a mount of type "cgroup" turns into. */
export function planMounts(
  mounts: readonly SpecMount[],
  root: number,
  mountCgroups: (mount: SpecMount) => CgroupMount,
): MountsPlan {
  const parts = mounts.map((given) => {
    const mount = { ...given, destination: posix.resolve('/', given.destination) };
    const options = parseMountOptions(mount.options);
    checkProc(mount, options);
    if (mount.type === 'cgroup' || mount.type === 'cgroup2') return mountCgroups(mount);
    return isBind(mount, options) ? planBind(mount, options, root) : planFilesystem(mount, options, root);
  });
  return { steps: parts.flatMap(({ steps }) => steps), final: parts.flatMap(({ final }) => final) };
}

function isBind(mount: SpecMount, options: MountOptions): boolean {
  return mount.type === 'bind' || options.bind !== 'no';
}

function planBind(mount: SpecMount, options: MountOptions, root: number): MountsPlan {
  const { set, clear, recursiveSet, recursiveClear, propagation } = options;
  const onlyRecursive = (set | clear) === 0;
  const within = mount.subpath !== undefined;
  const bind: Operation = {
    op: 'bind',
    sourceDir: within ? SOURCE_SLOT : HOST,
    sourcePath: mount.subpath ?? mount.source,
    root,
    path: mount.destination,
    create: 1,
    recursive: Number(options.bind !== 'plain'),
    set: onlyRecursive ? recursiveSet : set,
    clear: onlyRecursive ? recursiveClear : clear,
    recursiveAttributes: Number(onlyRecursive && (recursiveSet | recursiveClear) !== 0),
    propagation,
  };
  const below: Operation = {
    op: 'setAttributes',
    root,
    path: mount.destination,
    set: recursiveSet,
    clear: recursiveClear,
    propagation: 0,
    recursive: 1,
  };
  const both = !onlyRecursive && (recursiveSet | recursiveClear) !== 0;
  const steps = both ? [bind, below] : [bind];
  return { steps: within ? [openSource(mount.source), ...steps] : steps, final: [] };
}

function openSource(path: string): Operation {
  const flags = O_PATH | O_DIRECTORY;
  return { op: 'open', slot: SOURCE_SLOT, dir: HOST, path, flags, mode: 0, resolve: 0 };
}

/** Filesystems without a device of their own: read-only is a matter of the mount, not of the filesystem. */
const virtualTypes = new Set([
  'proc',
  'sysfs',
  'tmpfs',
  'ramfs',
  'devpts',
  'mqueue',
  'devtmpfs',
  'bpf',
  'tracefs',
  'debugfs',
]);

/** A tmpfs is filled by what comes after it: nodes, links and mount points. */
function planFilesystem(mount: SpecMount, options: MountOptions, root: number): MountsPlan {
  const readOnly = options.set & MOUNT_ATTR_RDONLY;
  const later = mount.type === 'tmpfs' ? readOnly : 0;
  const device = virtualTypes.has(mount.type) || readOnly === 0 ? [] : ['ro'];
  const step: Operation = {
    op: 'mount',
    root,
    path: mount.destination,
    fstype: mount.type,
    source: mount.source,
    attributes: options.set & ~later,
    options: [...options.data, ...device],
    propagation: options.propagation,
    create: 1,
  };
  return { steps: [step], final: later === 0 ? [] : [readOnlyStep(root, mount.destination)] };
}

export function readOnlyStep(root: number, path: string): Operation {
  return { op: 'setAttributes', root, path, set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, recursive: 0 };
}

/** Files of procfs that lxcfs and the like may replace: they only inform. */
const replaceable = new Set([
  '/proc/cpuinfo',
  '/proc/diskstats',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/swaps',
  '/proc/uptime',
  '/proc/loadavg',
  '/proc/slabinfo',
  '/proc/sys/kernel/ns_last_pid',
  '/proc/sys/crypto/fips_enabled',
]);

/**
 * Refuses what would hide procfs from the runtime and from security modules, as runc does. The launcher checks again where a path really leads.
 */
function checkProc({ destination, source, type }: SpecMount, options: MountOptions): void {
  const quoted = JSON.stringify(destination);
  const refuse = (reason: string): never => {
    throw specError(
      `error mounting ${JSON.stringify(source)} to rootfs at ${quoted}: check proc-safety of ${destination} mount: ${quoted} ${reason}`,
      'unable to start container process: error during container init',
    );
  };
  if (destination === '/proc' && type !== 'proc') {
    const boundProc = options.bind !== 'no' && posix.resolve('/', source) === '/proc';
    if (!boundProc) refuse('cannot be mounted because it is not of type proc');
  }
  if (destination.startsWith('/proc/') && !replaceable.has(destination)) {
    refuse('cannot be mounted because it is inside /proc');
  }
}
