import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { Tree, TreePart } from '../../runtime/trees/contract.ts';
import type { ImageFiles } from './image-files.ts';
import { asMember, COPIED_XATTRS, isHeader } from './tree-parts.ts';
import { isOpaque, isWhiteout, OPAQUE_XATTR, readWritablePart } from './writable-part.ts';

/** OCI image spec, layer.md: "whiteouts". */
const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_WHITEOUT = '.wh..wh..opq';

/**
 * A writable part as a layer over an image: what an overlay keeps as devices and attributes turned into whiteouts, of what the image has.
 * Nothing when it is empty.
 */
export async function* layerParts(
  context: Context,
  writable: Tree,
  image: Pick<ImageFiles, 'has'>,
): AsyncGenerator<TreePart, void, void> {
  for await (const part of readWritablePart(context, writable, { data: true, xattrs: COPIED_XATTRS })) {
    if (!isHeader(part)) yield part;
    else if (!isWhiteout(part)) {
      yield withoutMark(asMember(part));
      if (isOpaque(part)) yield { type: 'file', name: `${part.name}/${OPAQUE_WHITEOUT}`, mode: 0o600 };
    } else if (await image.has(part.name)) yield whiteout(part);
  }
}

function whiteout({ name }: TarHeader): TarHeader {
  const path = posix.join(posix.dirname(name), `${WHITEOUT_PREFIX}${posix.basename(name)}`);
  return { type: 'file', name: path, mode: 0o600 };
}

function withoutMark(header: TarHeader): TarHeader {
  if (!header.xattrs?.has(OPAQUE_XATTR)) return header;
  const xattrs = new Map(header.xattrs);
  xattrs.delete(OPAQUE_XATTR);
  return { ...header, xattrs };
}
