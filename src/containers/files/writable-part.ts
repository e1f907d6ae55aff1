import type { Context } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';

/** How an overlay marks a directory that hides all that is below it (kernel: filesystems/overlayfs). */
export const OPAQUE_XATTR = 'trusted.overlay.opaque';

/** What a container changed, as its overlay keeps it. */
export function openWritablePart(parts: Parts, context: Context, entry: Entry): Promise<Tree> {
  return parts.trees.open(context, { kind: 'directory', path: parts.snapshots.changesPath(entry.id) });
}

/** The device 0:0 stands for something below that was removed. */
export function isWhiteout({ type, major = 0, minor = 0 }: TarHeader): boolean {
  return type === 'character' && major === 0 && minor === 0;
}

export function isOpaque({ type, xattrs }: TarHeader): boolean {
  const mark = xattrs?.get(OPAQUE_XATTR);
  return type === 'directory' && mark?.length === 1 && mark[0] === 'y'.charCodeAt(0);
}
