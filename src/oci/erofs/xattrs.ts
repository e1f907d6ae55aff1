import type { LayerNode } from '../tar/layer-node.ts';
import { XATTR_HEADER_SIZE, xattrPrefixes } from './format.ts';

/** What overlayfs looks for on a directory that hides the ones below. */
const opaqueMark: readonly [string, Uint8Array] = ['trusted.overlay.opaque', Buffer.from('y')];

/** An inode's inline extended attributes, header first; empty where it has none. A multiple of 4 bytes long. */
export function encodeXattrs(node: LayerNode): Buffer {
  if (node.xattrs === undefined && !node.opaque) return empty;
  const attributes = [...(node.xattrs ?? []), ...(node.opaque ? [opaqueMark] : [])];
  const entries = attributes.map(([name, value]) => encodeEntry(name, value));
  return Buffer.concat([Buffer.alloc(XATTR_HEADER_SIZE), ...entries]);
}

const empty = Buffer.alloc(0);

function encodeEntry(name: string, value: Uint8Array): Buffer {
  const [prefix, index] = xattrPrefixes.find(([start]) => name.startsWith(start)) ?? ['', 0];
  const suffix = name.slice(prefix.length);
  const size = 4 + suffix.length + value.length;
  const bytes = Buffer.alloc((size + 3) & ~3);
  bytes.writeUInt8(suffix.length, 0);
  bytes.writeUInt8(index, 1);
  bytes.writeUInt16LE(value.length, 2);
  bytes.write(suffix, 4, 'latin1');
  bytes.set(value, 4 + suffix.length);
  return bytes;
}
