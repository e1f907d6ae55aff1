import { readFileSync } from 'node:fs';
import { SampanError } from '../../base/errors.ts';

/** Where the host has its control groups. */
export type CgroupLayout =
  | { readonly version: 1; readonly hierarchies: readonly Hierarchy[] }
  | { readonly version: 2; readonly mountpoint: string; readonly controllers: ReadonlySet<string> };

/** A version 1 hierarchy. */
export interface Hierarchy {
  /** "memory", "cpu,cpuacct", "systemd": its directory's name. */
  readonly name: string;
  readonly mountpoint: string;
  /** Controllers as the mount options name them; a named hierarchy without one has "name=systemd". */
  readonly controllers: readonly string[];
}

const notControllers = new Set(['rw', 'ro', 'xattr', 'noprefix', 'clone_children', 'favordynmods']);

/**
 * Detects what is mounted (proc_pid_mountinfo(5)). Version 1 as soon as any controller is there, as in the hybrid set-up, whose
 * version 2 hierarchy has none. Fails with `unavailable` when nothing is mounted.
 */
export function detectLayout(): CgroupLayout {
  const layout = parseLayout(readFileSync('/proc/self/mountinfo', 'utf8'), (mountpoint) =>
    readFileSync(`${mountpoint}/cgroup.controllers`, 'utf8'),
  );
  if (layout !== undefined) return layout;
  throw new SampanError('unavailable', 'no control groups are mounted on this host', {
    hint: 'Mount cgroup2 on /sys/fs/cgroup.',
  });
}

export function parseLayout(
  mountinfo: string,
  readControllers: (mountpoint: string) => string,
): CgroupLayout | undefined {
  const hierarchies = new Map<string, Hierarchy>();
  let unified: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const fields = line.split(' ');
    const [fstype, , options = ''] = fields.slice(fields.indexOf('-') + 1);
    const mountpoint = fields[4];
    if (mountpoint === undefined) continue;
    if (fstype === 'cgroup2') unified ??= mountpoint;
    if (fstype !== 'cgroup') continue;
    const controllers = options
      .split(',')
      .filter((option) => !notControllers.has(option) && !isSetting(option));
    const name = mountpoint.slice(mountpoint.lastIndexOf('/') + 1);
    const key = controllers.join();
    // The first place counts; a container's own view of the hierarchy may be mounted elsewhere.
    if (!hierarchies.has(key)) hierarchies.set(key, { name, mountpoint, controllers });
  }
  const all = [...hierarchies.values()];
  if (all.some((one) => !one.controllers.some(isNamed))) return { version: 1, hierarchies: all };
  if (unified === undefined) return undefined;
  const controllers = new Set(readControllers(unified).split(/\s+/).filter(Boolean));
  return { version: 2, mountpoint: unified, controllers };
}

function isNamed(controller: string): boolean {
  return controller.startsWith('name=');
}

function isSetting(option: string): boolean {
  return option.includes('=') && !isNamed(option);
}

/** A group's path from what an OCI spec has as `cgroupsPath`; systemd's "slice:prefix:name" becomes the path systemd would use. */
export function groupPath(cgroupsPath: string): string {
  const [slice, prefix, name] = cgroupsPath.split(':');
  if (name === undefined) return cgroupsPath.startsWith('/') ? cgroupsPath : `/${cgroupsPath}`;
  return `${slicePath(slice || 'system.slice')}/${prefix}-${name}.scope`;
}

/** "a-b.slice" lies in "a.slice" (systemd.slice(5)). */
function slicePath(slice: string): string {
  const parts = slice
    .replace(/\.slice$/, '')
    .split('-')
    .filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}
