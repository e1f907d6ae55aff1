import { HOST, type Operation } from '../../plan/operations.ts';
import { currentMounts, nextMounts, type StoredMount } from '../mounts/stored-mount.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';

/** What a container's mounts come from, put at hand for a run of it. */
export interface MountSources {
  /** With the host paths where volumes and views of images really are. */
  readonly mounts: readonly StoredMount[];
  /** For the child stage, before the root is mounted: views of images, which only the container's own mount namespace sees. */
  readonly operations: readonly Operation[];
}

/** Has volumes mounted that need it, until `releaseVolumes`, for a container that does not run. Fails in Docker's words when a volume or an image is gone. */
export async function openMountSources(parts: Parts, entry: Entry): Promise<MountSources> {
  const operations: Operation[] = [];
  const mounts: StoredMount[] = [];
  for (const mount of nextMounts(entry.mounts)) {
    const { type } = mount.point;
    if (type === 'volume') mounts.push(await fromVolume(parts, entry.id, mount));
    else if (type === 'image') mounts.push(await fromImage(parts, mount, operations));
    else mounts.push(mount);
  }
  return { mounts, operations };
}

/** Lets go of the volumes; a second time does nothing. */
export async function releaseVolumes(parts: Parts, { id, mounts }: Entry): Promise<void> {
  for (const { point } of mounts) {
    if (point.type !== 'volume' || point.name === undefined) continue;
    try {
      await parts.volumes.release(parts.background, point.name, id);
    } catch (error) {
      parts.log.warn('cannot unmount a volume', { volume: point.name, container: id, error });
    }
  }
}

/** Of a container that still runs from an earlier daemon. */
export function resumeVolumes(parts: Parts, { id, mounts }: Entry): void {
  for (const { point } of currentMounts(mounts, true)) {
    if (point.type === 'volume' && point.name !== undefined) parts.volumes.resume(point.name, id);
  }
}

async function fromVolume(parts: Parts, user: string, mount: StoredMount): Promise<StoredMount> {
  const { name } = mount.point;
  if (name === undefined) return mount;
  const source = await parts.volumes.acquire(parts.background, name, user);
  return { ...mount, point: { ...mount.point, source } };
}

/** Views lie side by side in a memory filesystem, which goes with the old root when the container's takes its place. */
async function fromImage(parts: Parts, mount: StoredMount, operations: Operation[]): Promise<StoredMount> {
  const { config } = parts.images.get(mount.imageId);
  const base = parts.paths.imageViews;
  if (operations.length === 0) operations.push(stagingStep(base));
  const source = `${base}/${operations.length}`;
  const view = await parts.snapshots.view(parts.background, config.rootfs.diff_ids, source);
  operations.push({ op: 'mkdir', dir: HOST, path: source, mode: 0o755 }, ...view.operations);
  return { ...mount, point: { ...mount.point, source } };
}

function stagingStep(path: string): Operation {
  return {
    op: 'mount',
    ...{ root: HOST, path, fstype: 'tmpfs', source: 'tmpfs', attributes: 0, options: ['mode=700'] },
    ...{ propagation: 0, create: 0 },
  };
}
