import { type LayerNode, modeType } from '../tar/layer-node.ts';
import type { SealedTree } from '../tar/sealed-tree.ts';
import { type ChunkTable, denseBits, denseCount, writeDenseIndexes } from './chunks.ts';
import { directoryNames, encodeDirectory } from './directory.ts';
import { alignUp, CHUNK_INDEX_SIZE } from './format.ts';
import { chunkedData, deviceData, direntType, encodeInode, type InodeData, ownData } from './inode.ts';
import { hasChunks, inodeSize, type Layout, layOut, nidOf } from './layout.ts';
import { type ImageSink, RegionWriter } from './sink.ts';
import { encodeSuperblock } from './superblock.ts';
import { encodeXattrs } from './xattrs.ts';

export interface ImageOptions {
  readonly blockBits: number;
  /** First block of the inodes; what is copied from the tar lies below. */
  readonly metaBlock: number;
  /** Blocks of the tar. */
  readonly tarBlocks: number;
  /** 64 hex digits that name the tar, or empty. */
  readonly tag: string;
  /** Tables of the files whose chunks are not simply where the tar has them. */
  readonly planned: ReadonlyMap<LayerNode, ChunkTable>;
}

/** Writes inodes, directories and superblock of a sealed tree. */
export function writeImage(sink: ImageSink, tree: SealedTree, options: ImageOptions): void {
  const { blockBits, planned } = options;
  const blockSize = 2 ** blockBits;
  const layout = layOut(tree, options.metaBlock * blockSize, blockBits, planned);
  const inodes = new RegionWriter(sink, layout.metaStart);
  const blocks = new RegionWriter(sink, layout.blocksStart);
  for (const node of tree.nodes) {
    const { index } = node;
    const position = layout.positions[index] ?? 0;
    const size = inodeSize(node);
    const xattrs = encodeXattrs(node);
    const table = planned.get(node);
    const at = inodes.reserve(position, size);
    encodeInode(inodes.buffer, at, node, dataOf(layout, node, table, blockBits), xattrs.length);
    if (xattrs.length > 0) inodes.write(position + size, xattrs);
    const rest = position + size + xattrs.length;
    if (hasChunks(node)) writeChunks(inodes, alignUp(rest, CHUNK_INDEX_SIZE), node, table, blockBits);
    const own = ownBytes(layout, tree, node, blockSize);
    if (own === undefined) continue;
    const outside = own.length - (layout.inline[index] ?? 0);
    if (outside > 0) blocks.write((layout.blocks[index] ?? 0) * blockSize, own.subarray(0, outside));
    if (outside < own.length) inodes.write(rest, own.subarray(outside));
  }
  inodes.flush();
  blocks.flush();
  finishImage(sink, tree, layout, options);
}

function writeChunks(
  inodes: RegionWriter,
  position: number,
  node: LayerNode,
  table: ChunkTable | undefined,
  blockBits: number,
): void {
  if (table !== undefined) inodes.write(position, table.indexes);
  else if (node.data !== undefined) {
    const length = denseCount(node.data.size, blockBits) * CHUNK_INDEX_SIZE;
    writeDenseIndexes(inodes.buffer, inodes.reserve(position, length), node.data, blockBits);
  }
}

function dataOf(
  layout: Layout,
  node: LayerNode,
  table: ChunkTable | undefined,
  blockBits: number,
): InodeData {
  if (hasChunks(node)) {
    const size = node.data?.size ?? 0;
    return chunkedData(size, table?.bits ?? denseBits(size, blockBits));
  }
  if (node.type === modeType.character || node.type === modeType.block)
    return deviceData(node.major, node.minor);
  const { index } = node;
  return ownData(layout.sizes[index] ?? 0, layout.inline[index] ?? 0, layout.blocks[index] ?? 0);
}

/** What the image holds as data of a node: a directory's entries, a link's target. */
function ownBytes(layout: Layout, tree: SealedTree, node: LayerNode, blockSize: number): Buffer | undefined {
  if (node.type === modeType.symlink) return Buffer.from(node.target, 'latin1');
  const { children } = node;
  if (children === undefined) return undefined;
  const parent = tree.parents[node.index] ?? node;
  const targetOf = (name: string): LayerNode =>
    name === '.' ? node : name === '..' ? parent : (children.get(name) ?? node);
  return encodeDirectory(directoryNames(children), layout.sizes[node.index] ?? 0, blockSize, {
    nidOf: (name) => nidOf(layout, targetOf(name)),
    typeOf: (name) => direntType(targetOf(name)),
  });
}

function finishImage(sink: ImageSink, tree: SealedTree, layout: Layout, options: ImageOptions): void {
  const blockSize = 2 ** options.blockBits;
  const [root] = tree.nodes;
  const superblock = encodeSuperblock({
    blockBits: options.blockBits,
    root: root === undefined ? 0 : nidOf(layout, root),
    inodes: tree.nodes.length,
    blocks: layout.end / blockSize,
    metaBlock: options.metaBlock,
    deviceBlocks: options.tarBlocks,
    deviceTag: options.tag,
  });
  // The kernel reads whole blocks, so the last one must be there whole.
  sink.resize(layout.end);
  sink.write(0, superblock);
}
