import { invalid } from '../../base/errors.ts';
import { type LayerNode, modeType } from '../tar/layer-node.ts';
import type { SealedTree } from '../tar/sealed-tree.ts';
import { type ChunkTable, denseCount } from './chunks.ts';
import { directoryNames, measureDirectory } from './directory.ts';
import {
  alignUp,
  CHUNK_INDEX_SIZE,
  COMPACT_INODE_SIZE,
  EXTENDED_INODE_SIZE,
  INODE_SLOT,
  MAX_BLOCKS,
} from './format.ts';
import { encodeXattrs } from './xattrs.ts';

/** Where each inode goes, by its index; offsets in bytes from the start of the image. */
export interface Layout {
  readonly metaStart: number;
  /** Of the inode. */
  readonly positions: Float64Array;
  /** First block of data outside of the inode, or 0. */
  readonly blocks: Uint32Array;
  /** Bytes of data behind the inode: a directory's last block, a link's target. */
  readonly inline: Uint16Array;
  /** Bytes of a directory's or a link's data. */
  readonly sizes: Float64Array;
  /** The inodes end here, and data blocks begin. */
  readonly blocksStart: number;
  readonly end: number;
}

/** Nothing is needed of these that the short form could not hold; its time is the image's, which is 0. */
export function isCompact(node: LayerNode): boolean {
  return (
    node.seconds === 0 &&
    node.nanoseconds === 0 &&
    node.uid <= 0xffff &&
    node.gid <= 0xffff &&
    node.links <= 0xffff &&
    (node.data?.size ?? 0) <= 0xffffffff
  );
}

export function inodeSize(node: LayerNode): number {
  return isCompact(node) ? COMPACT_INODE_SIZE : EXTENDED_INODE_SIZE;
}

/** Inode number of the inode at `position`. */
export function nidOf(layout: Pick<Layout, 'metaStart' | 'positions'>, node: LayerNode): number {
  return ((layout.positions[node.index] ?? 0) - layout.metaStart) / INODE_SLOT;
}

/** Places all inodes of a sealed tree one after the other from `metaStart` on (a block's start), data blocks behind them. */
export function layOut(
  tree: SealedTree,
  metaStart: number,
  blockBits: number,
  planned: ReadonlyMap<LayerNode, ChunkTable>,
): Layout {
  const blockSize = 2 ** blockBits;
  const count = tree.nodes.length;
  const positions = new Float64Array(count);
  const blocks = new Uint32Array(count);
  const inline = new Uint16Array(count);
  const sizes = new Float64Array(count);
  // The first slot stays free: programs take inode number 0 for a deleted file.
  let cursor = metaStart + INODE_SLOT;
  for (const node of tree.nodes) {
    const { index } = node;
    const head = inodeSize(node) + encodeXattrs(node).length;
    const size = ownDataSize(node, blockSize);
    const tail = size % blockSize || Math.min(size, blockSize);
    const place = tail > 0 ? placeInline(cursor, head, tail, blockSize) : undefined;
    positions[index] = place ?? cursor;
    sizes[index] = size;
    inline[index] = place === undefined ? 0 : tail;
    const rest = hasChunks(node)
      ? alignUp(head, CHUNK_INDEX_SIZE) - head + chunkBytes(node, blockBits, planned)
      : (inline[index] ?? 0);
    cursor = alignUp((place ?? cursor) + head + rest, INODE_SLOT);
  }
  const blocksStart = alignUp(cursor, blockSize);
  let next = blocksStart / blockSize;
  for (let index = 0; index < count; index++) {
    const outside = Math.ceil(((sizes[index] ?? 0) - (inline[index] ?? 0)) / blockSize);
    if (outside === 0) continue;
    blocks[index] = next;
    next += outside;
  }
  if (next > MAX_BLOCKS) throw invalid('the layer is too large for block addresses of 32 bits');
  return { metaStart, positions, blocks, inline, sizes, blocksStart, end: next * blockSize };
}

/** Files have chunks; an empty one has nothing to say. */
export function hasChunks(node: LayerNode): boolean {
  return node.data !== undefined && node.data.size > 0;
}

function chunkBytes(node: LayerNode, blockBits: number, planned: ReadonlyMap<LayerNode, ChunkTable>): number {
  const table = planned.get(node);
  return table?.indexes.length ?? denseCount(node.data?.size ?? 0, blockBits) * CHUNK_INDEX_SIZE;
}

/** Bytes of data that the image itself holds for a node. */
function ownDataSize(node: LayerNode, blockSize: number): number {
  if (node.children !== undefined) return measureDirectory(directoryNames(node.children), blockSize);
  return node.type === modeType.symlink ? node.target.length : 0;
}

/**
 * The first slot from which the data behind an inode stay within one block, as they must, or undefined where that
 * wastes more than a block of their own.
 */
function placeInline(cursor: number, head: number, tail: number, blockSize: number): number | undefined {
  for (let at = cursor; at - cursor <= blockSize - tail; at += INODE_SLOT) {
    if (((at + head) % blockSize) + tail <= blockSize) return at;
  }
  return undefined;
}
