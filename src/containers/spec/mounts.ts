import { mkdirSync, statSync } from 'node:fs';
import { internal } from '../../base/errors.ts';
import { defaultMounts } from '../../oci/defaults.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';
import { mergeTmpfsOptions } from '../mounts/tmpfs-options.ts';
import { type RootPropagation, rootPropagation, settlePropagation } from './propagation.ts';

/** Host paths of the files that Sampan writes for a container. */
export interface EtcFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export interface MountInputs {
  readonly hostConfig: HostConfig;
  readonly mounts: readonly StoredMount[];
  readonly etc: EtcFiles;
  /** A host directory to be /dev/shm, when the container shares one. */
  readonly sharedMemory: string | undefined;
  /** The init binary, when the container runs under it. */
  readonly initBinary: string | undefined;
  readonly writableCgroups: boolean;
}

export interface Mounts {
  readonly mounts: readonly SpecMount[];
  readonly rootPropagation: RootPropagation;
}

export const INIT_PATH = '/sbin/docker-init';

/** Never read-only, even under a read-only root: what they hold is the kernel's or the process's own. */
const alwaysWritable = new Set(['/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue']);

/**
 * All mounts of a container in the order in which they are made: defaults that nothing replaces, then the container's own,
 * outer paths first. Missing sources of `-v` binds are made.
 */
export function buildMounts(inputs: MountInputs): Mounts {
  const own = ownMounts(inputs);
  const targets = new Set(own.map((mount) => mount.destination));
  const readOnlyRoot = inputs.hostConfig.ReadonlyRootfs;
  const defaults = defaultMounts(inputs.hostConfig.ShmSize)
    .filter((mount) => keepsDefault(mount.destination, targets, inputs.hostConfig.IpcMode))
    .map((mount) => adjustAccess(mount, inputs, readOnlyRoot));
  const files = etcMounts(inputs.etc, readOnlyRoot).filter((mount) => !targets.has(mount.destination));
  const init = inputs.initBinary === undefined ? [] : [initMount(inputs.initBinary)];
  return {
    mounts: [...defaults, ...init, ...byDepth([...files, ...own])],
    rootPropagation: rootPropagation(own.flatMap((mount) => mount.options)),
  };
}

function keepsDefault(destination: string, targets: ReadonlySet<string>, ipcMode: string): boolean {
  if (targets.has(destination)) return false;
  if (destination.startsWith('/dev/') && targets.has('/dev')) return false;
  return !(destination === '/dev/shm' && ipcMode === 'none');
}

function adjustAccess(mount: SpecMount, inputs: MountInputs, readOnlyRoot: boolean): SpecMount {
  const { destination, options } = mount;
  const writable =
    (destination === '/sys' && inputs.hostConfig.Privileged) ||
    (mount.type === 'cgroup' && inputs.writableCgroups);
  if (writable) return { ...mount, options: options.filter((option) => option !== 'ro') };
  if (!readOnlyRoot || alwaysWritable.has(destination) || options.includes('ro')) return mount;
  return { ...mount, options: [...options, 'ro'] };
}

function etcMounts(etc: EtcFiles, readOnly: boolean): SpecMount[] {
  const options = ['rbind', ...(readOnly ? ['ro'] : []), 'rprivate'];
  return [
    { destination: '/etc/resolv.conf', source: etc.resolvConf, type: 'bind', options },
    { destination: '/etc/hostname', source: etc.hostname, type: 'bind', options },
    { destination: '/etc/hosts', source: etc.hosts, type: 'bind', options },
  ];
}

function initMount(source: string): SpecMount {
  return { destination: INIT_PATH, source, type: 'bind', options: ['bind', 'ro'] };
}

function ownMounts({ hostConfig, mounts, sharedMemory }: MountInputs): SpecMount[] {
  const own = mounts.map((mount) =>
    mount.point.type === 'tmpfs' ? tmpfs(mount.point.destination, mount.tmpfsOptions) : bind(mount),
  );
  for (const [target, options] of Object.entries(hostConfig.Tmpfs ?? {})) own.push(tmpfs(target, options));
  if (sharedMemory !== undefined && !own.some((mount) => mount.destination === '/dev/shm')) {
    own.push({
      destination: '/dev/shm',
      source: sharedMemory,
      type: 'bind',
      options: ['rbind', 'rprivate'],
    });
  }
  return own;
}

function tmpfs(destination: string, options: string): SpecMount {
  return { destination, source: 'tmpfs', type: 'tmpfs', options: mergeTmpfsOptions(options) };
}

function bind(mount: StoredMount): SpecMount {
  const { source, destination, writable } = mount.point;
  if (mount.createSource) makeSource(source);
  if (mount.readOnlyNonRecursive && mount.readOnlyForceRecursive) {
    throw internal('mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive');
  }
  const access = writable ? [] : [mount.readOnlyNonRecursive ? 'ro' : 'rro'];
  const propagation = mount.point.type === 'bind' ? settlePropagation(mount) : 'rprivate';
  return {
    destination,
    source,
    type: 'bind',
    options: [mount.nonRecursive ? 'bind' : 'rbind', ...access, propagation],
    ...(mount.subpath === '' ? {} : { subpath: mount.subpath }),
  };
}

function makeSource(path: string): void {
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined)
      mkdirSync(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw internal(`error while creating mount source path '${path}': ${String(error)}`, { cause: error });
  }
}

/** A mount below another one has to come after it. */
function byDepth(mounts: readonly SpecMount[]): SpecMount[] {
  const depth = (mount: SpecMount): number => mount.destination.split('/').filter(Boolean).length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}
