import type { Context } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree, TreePart } from '../../runtime/trees/contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { isHeader } from './tree-parts.ts';

/** How an overlay marks a directory that hides all that is below it (kernel: filesystems/overlayfs). */
export const OPAQUE_XATTR = 'trusted.overlay.opaque';

/** What a container changed, as its overlay keeps it. */
export function openWritablePart(parts: Parts, context: Context, entry: Entry): Promise<Tree> {
  return parts.trees.open(context, { kind: 'directory', path: parts.snapshots.changesPath(entry.id) });
}

/**
 * All of a writable part but its root, opaque marks among the extended attributes. Overlays make one whiteout and link it to all places that
 * need one; here each is a device of its own.
 */
export async function* readWritablePart(
  context: Context,
  writable: Tree,
  options: { readonly data: boolean; readonly xattrs: readonly string[] },
): AsyncGenerator<TreePart, void, void> {
  const xattrs = [...options.xattrs, OPAQUE_XATTR];
  const whiteouts = new Set<string>();
  for await (const part of writable.read(context, '/', { data: options.data, xattrs, crossMounts: false })) {
    if (!isHeader(part)) {
      yield part;
      continue;
    }
    if (part.name === '.') continue;
    if (isWhiteout(part)) whiteouts.add(part.name);
    const isLinked = part.type === 'hardlink' && whiteouts.has(part.linkName ?? '');
    yield isLinked ? { ...part, type: 'character', linkName: '' } : part;
  }
}

/** The device 0:0 stands for something below that was removed. */
export function isWhiteout({ type, major = 0, minor = 0 }: TarHeader): boolean {
  return type === 'character' && major === 0 && minor === 0;
}

export function isOpaque({ type, xattrs }: TarHeader): boolean {
  const mark = xattrs?.get(OPAQUE_XATTR);
  return type === 'directory' && mark?.length === 1 && mark[0] === 'y'.charCodeAt(0);
}
