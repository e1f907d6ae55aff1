import type { Context } from '../../base/context.ts';
import { packTar } from '../../oci/tar/pack.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { openRoot } from './open-root.ts';
import { closingAfter } from './read-path.ts';
import { asMember, COPIED_XATTRS, mapHeaders } from './tree-parts.ts';

/** A container's root filesystem alone, as Docker exports it: the root itself is no member. */
export async function exportEntry(
  parts: Parts,
  context: Context,
  entry: Entry,
): Promise<AsyncIterable<Uint8Array>> {
  const root = await openRoot(parts, context, entry, true);
  const options = { data: true, xattrs: COPIED_XATTRS, crossMounts: false };
  const members = mapHeaders(root.tree.read(context, '/', options), (header) =>
    header.name === '.' ? undefined : asMember(header),
  );
  parts.events.container(entry.container, 'export');
  return packTar(closingAfter(root, members));
}
