import { spawnSync } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { SampanError } from '../base/errors.ts';
import type { FileContentStore } from '../content/contract.ts';
import type { Launcher } from '../plan/contract.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { openErofsDriver } from '../snapshots/erofs-driver.ts';
import { openOverlayDriver } from '../snapshots/overlay-driver.ts';

export interface StorageOptions {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly content: FileContentStore;
  readonly launcher: Launcher;
}

/** The snapshot driver of that name; for an empty one erofs where the kernel has it, else overlay. Fails with `unavailable` where it cannot work. */
export async function openSnapshots(driver: string, options: StorageOptions): Promise<SnapshotDriver> {
  const { dataRoot, ...rest } = options;
  const settings = { root: join(dataRoot, 'snapshots'), ...rest };
  const hasErofs = await kernelHas('erofs');
  if (!(await kernelHas('overlay')))
    throw new SampanError('unavailable', 'the kernel has no overlay filesystem');
  if (driver === 'erofs' && !hasErofs)
    throw new SampanError('unavailable', 'the kernel has no erofs filesystem');
  if (driver === 'overlay' || !hasErofs) return openOverlayDriver(settings);
  return openErofsDriver(settings);
}

/** Names of statfs's f_type, as dockerd tells them (linux/magic.h). */
const filesystemNames: Readonly<Record<number, string>> = {
  61267: 'extfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
  4076150800: 'f2fs',
};

/** `info`'s DriverStatus. By the type clients know a store that takes in archives of several platforms, with what is said about them. */
export async function describeStorage(dataRoot: string): Promise<readonly (readonly [string, string])[]> {
  const { type } = await statfs(dataRoot);
  return [
    ['Backing Filesystem', filesystemNames[type] ?? `0x${type.toString(16)}`],
    ['driver-type', 'io.containerd.snapshotter.v1'],
  ];
}

/** Asks for the filesystem's module if it is not there yet: the kernel itself loads it only for a mount by path. */
async function kernelHas(filesystem: string): Promise<boolean> {
  if (await isRegistered(filesystem)) return true;
  spawnSync('modprobe', [filesystem], { stdio: 'ignore' });
  return isRegistered(filesystem);
}

async function isRegistered(filesystem: string): Promise<boolean> {
  const text = await readFile('/proc/filesystems', 'utf8');
  return text.split('\n').some((line) => line.split('\t').at(-1) === filesystem);
}
