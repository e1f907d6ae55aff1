import type { Image } from '../../images/contract.ts';
import { ImageFiles } from '../files/image-files.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';
import type { Parts } from '../parts.ts';

/** Gives each volume that is still empty what the image has at its mount point: contents, owners, modes, and those of the directory itself. */
export async function fillVolumes(
  parts: Parts,
  { config }: Image,
  mounts: readonly StoredMount[],
): Promise<void> {
  const wanted = mounts.filter(({ copiesUp }) => copiesUp);
  if (wanted.length === 0) return;
  const context = parts.background;
  await using files = new ImageFiles(parts, context, config.rootfs.diff_ids);
  // One volume may be mounted in several places.
  for (const { point, subpath } of wanted) {
    const { name = '', destination } = point;
    await parts.volumes.populate(context, name, subpath, () => files.below(destination));
  }
}
