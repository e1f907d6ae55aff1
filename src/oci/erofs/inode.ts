import { type LayerNode, modeType } from '../tar/layer-node.ts';
import { CHUNK_INDEXES, dataLayout, fileType, XATTR_HEADER_SIZE } from './format.ts';
import { isCompact } from './layout.ts';

/** What an inode says about its data. */
export interface InodeData {
  readonly layout: number;
  readonly size: number;
  /** First block, chunk format or device number. */
  readonly pointer: number;
}

/** Writes the fixed part of an inode at `at`, where `bytes` are zeros. */
export function encodeInode(
  bytes: Buffer,
  at: number,
  node: LayerNode,
  data: InodeData,
  xattrBytes: number,
): void {
  const compact = isCompact(node);
  bytes.writeUInt16LE((data.layout << 1) | (compact ? 0 : 1), at);
  bytes.writeUInt16LE(xattrCount(xattrBytes), at + 2);
  bytes.writeUInt16LE(node.mode, at + 4);
  bytes.writeUInt32LE(data.pointer, at + 16);
  bytes.writeUInt32LE(node.index + 1, at + 20);
  if (compact) encodeCompact(bytes, at, node, data);
  else encodeExtended(bytes, at, node, data);
}

function encodeCompact(bytes: Buffer, at: number, node: LayerNode, data: InodeData): void {
  bytes.writeUInt16LE(node.links, at + 6);
  bytes.writeUInt32LE(data.size, at + 8);
  bytes.writeUInt16LE(node.uid, at + 24);
  bytes.writeUInt16LE(node.gid, at + 26);
}

function encodeExtended(bytes: Buffer, at: number, node: LayerNode, data: InodeData): void {
  writeLong(bytes, data.size, at + 8);
  bytes.writeUInt32LE(node.uid, at + 24);
  bytes.writeUInt32LE(node.gid, at + 28);
  writeLong(bytes, node.seconds, at + 32);
  bytes.writeUInt32LE(node.nanoseconds, at + 40);
  bytes.writeUInt32LE(node.links, at + 44);
}

/** 64 bits, two's complement. */
function writeLong(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value - Math.floor(value / 2 ** 32) * 2 ** 32, at);
  bytes.writeInt32LE(Math.floor(value / 2 ** 32), at + 4);
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
