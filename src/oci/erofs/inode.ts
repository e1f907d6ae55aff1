import { type LayerNode, modeType } from '../tar/layer-node.ts';
import {
  CHUNK_INDEXES,
  COMPACT_INODE_SIZE,
  dataLayout,
  EXTENDED_INODE_SIZE,
  fileType,
  XATTR_HEADER_SIZE,
} from './format.ts';
import { isCompact } from './layout.ts';

/** What an inode says about its data. */
export interface InodeData {
  readonly layout: number;
  readonly size: number;
  /** First block, chunk format or device number. */
  readonly pointer: number;
}

/** The fixed part of an inode. */
export function encodeInode(node: LayerNode, data: InodeData, xattrBytes: number): Buffer {
  return isCompact(node) ? encodeCompact(node, data, xattrBytes) : encodeExtended(node, data, xattrBytes);
}

function encodeCompact(node: LayerNode, data: InodeData, xattrBytes: number): Buffer {
  const bytes = Buffer.alloc(COMPACT_INODE_SIZE);
  bytes.writeUInt16LE(data.layout << 1, 0);
  bytes.writeUInt16LE(xattrCount(xattrBytes), 2);
  bytes.writeUInt16LE(node.mode, 4);
  bytes.writeUInt16LE(node.links, 6);
  bytes.writeUInt32LE(data.size, 8);
  bytes.writeUInt32LE(data.pointer, 16);
  bytes.writeUInt32LE(node.index + 1, 20);
  bytes.writeUInt16LE(node.uid, 24);
  bytes.writeUInt16LE(node.gid, 26);
  return bytes;
}

function encodeExtended(node: LayerNode, data: InodeData, xattrBytes: number): Buffer {
  const bytes = Buffer.alloc(EXTENDED_INODE_SIZE);
  bytes.writeUInt16LE((data.layout << 1) | 1, 0);
  bytes.writeUInt16LE(xattrCount(xattrBytes), 2);
  bytes.writeUInt16LE(node.mode, 4);
  bytes.writeBigUInt64LE(BigInt(data.size), 8);
  bytes.writeUInt32LE(data.pointer, 16);
  bytes.writeUInt32LE(node.index + 1, 20);
  bytes.writeUInt32LE(node.uid, 24);
  bytes.writeUInt32LE(node.gid, 28);
  bytes.writeBigInt64LE(BigInt(node.seconds), 32);
  bytes.writeUInt32LE(node.nanoseconds, 40);
  bytes.writeUInt32LE(node.links, 44);
  return bytes;
}

/** Counts 4-byte units behind the header, which counts as one. */
function xattrCount(bytes: number): number {
  return bytes === 0 ? 0 : (bytes - XATTR_HEADER_SIZE) / 4 + 1;
}

/** Data of a node that has its blocks (or tail) in the image itself. */
export function ownData(size: number, inline: number, block: number): InodeData {
  return { layout: inline > 0 ? dataLayout.inline : dataLayout.plain, size, pointer: block };
}

export function chunkedData(size: number, bits: number): InodeData {
  return { layout: dataLayout.chunks, size, pointer: CHUNK_INDEXES | bits };
}

/** The kernel's encoding of a device number (include/linux/kdev_t.h, new_encode_dev). */
export function deviceData(major: number, minor: number): InodeData {
  const pointer = ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
  return { layout: dataLayout.plain, size: 0, pointer };
}

const fileTypes: Readonly<Record<number, number>> = {
  [modeType.file]: fileType.file,
  [modeType.directory]: fileType.directory,
  [modeType.character]: fileType.character,
  [modeType.block]: fileType.block,
  [modeType.fifo]: fileType.fifo,
  [modeType.socket]: fileType.socket,
  [modeType.symlink]: fileType.symlink,
};

export function direntType(node: LayerNode): number {
  return fileTypes[node.type] ?? 0;
}
