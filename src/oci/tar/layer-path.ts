import { invalid } from '../../base/errors.ts';
import { toText } from './entry.ts';

/** Longest file name that Linux takes, in bytes. */
const NAME_MAX = 255;

/**
 * The components of a member's name, relative to the layer's root: leading "/" and "." dropped, ".." resolved as text.
 * An empty list is the root. Fails with `invalid-argument` when ".." leads outside.
 */
export function cleanPath(name: string): string[] {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(checkComponent(part, name));
    else if (parts.pop() === undefined) {
      throw invalid(`invalid tar header: ${JSON.stringify(toText(name))} leads outside of the layer`);
    }
  }
  return parts;
}

function checkComponent(part: string, name: string): string {
  // A whiteout's prefix is not part of a file's name.
  if (part.length > NAME_MAX && part.length - (isWhiteout(part) ? WHITEOUT_PREFIX.length : 0) > NAME_MAX) {
    throw invalid(`invalid tar header: file name too long in ${JSON.stringify(toText(name))}`);
  }
  return part;
}

/** Marks of the image format (OCI image-spec, layer.md, "Whiteouts"). */
export const WHITEOUT_PREFIX = '.wh.';
export const OPAQUE_MARK = '.wh..wh..opq';
/** Names that AUFS kept for itself; no files of the image. */
const METADATA_PREFIX = '.wh..wh.';

export function isWhiteout(name: string): boolean {
  return name.startsWith(WHITEOUT_PREFIX);
}

export function isMetadata(name: string): boolean {
  return name.startsWith(METADATA_PREFIX);
}
