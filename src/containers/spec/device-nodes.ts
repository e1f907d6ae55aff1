import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { SampanError } from '../../base/errors.ts';
import type { SpecDevice } from '../../oci/runtime-spec.ts';

/** linux/kdev_t.h, as glibc's major() and minor() unpack a 64-bit dev_t. */
export function majorOf(device: number): number {
  const value = BigInt(device);
  return Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & 0xfffff000n));
}

export function minorOf(device: number): number {
  const value = BigInt(device);
  return Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n));
}

/**
 * `--device host[:container]`: the node, or each node below a directory. Fails with Docker's text when the host has no such
 * path.
 */
export function devicesAt(pathOnHost: string, pathInContainer: string): readonly SpecDevice[] {
  let stat: Stats;
  let resolved: string;
  try {
    resolved = realpathSync(pathOnHost);
    stat = statSync(resolved);
  } catch {
    throw gathering(pathOnHost, 'no such file or directory');
  }
  if (stat.isDirectory()) {
    const found = [...walk(resolved, pathInContainer, new Set())];
    if (found.length > 0) return found;
  }
  const device = nodeOf(stat, pathInContainer);
  if (device === undefined) throw gathering(pathOnHost, 'not a device node');
  return [device];
}

/** What a privileged container finds in /dev: all that the host has, but for what each container has its own of. */
export function hostDevices(): readonly SpecDevice[] {
  const own = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console']);
  return [...walk('/dev', '/dev', own)];
}

function* walk(directory: string, inContainer: string, skip: ReadonlySet<string>): Generator<SpecDevice> {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) {
    const path = `${directory}/${entry.name}`;
    const target = `${inContainer}/${entry.name}`;
    if (skip.has(entry.name)) continue;
    if (entry.isDirectory()) yield* walk(path, target, skip);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) continue;
    // A node may go between being listed and being looked at.
    const stat = statSync(path, { throwIfNoEntry: false });
    const device = stat === undefined ? undefined : nodeOf(stat, target);
    if (device !== undefined) yield device;
  }
}

function nodeOf(stat: Stats, path: string): SpecDevice | undefined {
  const type = stat.isBlockDevice() ? 'b' : stat.isCharacterDevice() ? 'c' : undefined;
  if (type === undefined) return undefined;
  return {
    path,
    type,
    major: majorOf(stat.rdev),
    minor: minorOf(stat.rdev),
    fileMode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

function gathering(path: string, reason: string): SampanError {
  return new SampanError(
    'internal',
    `error gathering device information while adding custom device ${JSON.stringify(path)}: ${reason}`,
  );
}
