import { type LayerNode, modeType } from '../tar/layer-node.ts';
import type { SealedTree } from '../tar/sealed-tree.ts';
import type { ChunkTable } from './chunks.ts';
import { directoryNames, encodeDirectory } from './directory.ts';
import { alignUp, CHUNK_INDEX_SIZE } from './format.ts';
import { chunkedData, deviceData, direntType, encodeInode, type InodeData, ownData } from './inode.ts';
import { type Layout, layOut, nidOf } from './layout.ts';
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
  readonly chunksOf: (node: LayerNode) => ChunkTable | undefined;
}

/** Writes inodes, directories and superblock of a sealed tree. */
export function writeImage(sink: ImageSink, tree: SealedTree, options: ImageOptions): void {
  const blockSize = 2 ** options.blockBits;
  const layout = layOut(tree, options.metaBlock * blockSize, blockSize, options.chunksOf);
  const inodes = new RegionWriter(sink, layout.metaStart);
  const blocks = new RegionWriter(sink, layout.blocksStart);
  for (const [index, node] of tree.nodes.entries()) {
    const chunks = options.chunksOf(node);
    const data = dataOf(layout, node, chunks);
    const xattrs = encodeXattrs(node);
    let at = layout.positions[index] ?? 0;
    const put = (bytes: Uint8Array): void => {
      inodes.write(at, bytes);
      at += bytes.length;
    };
    put(encodeInode(node, data, xattrs.length));
    if (xattrs.length > 0) put(xattrs);
    if (chunks !== undefined) {
      at = alignUp(at, CHUNK_INDEX_SIZE);
      put(chunks.indexes);
      continue;
    }
    const own = ownBytes(layout, tree, node, blockSize);
    if (own === undefined) continue;
    const outside = own.length - (layout.inline[index] ?? 0);
    if (outside > 0) blocks.write((layout.blocks[index] ?? 0) * blockSize, own.subarray(0, outside));
    if (outside < own.length) put(own.subarray(outside));
  }
  inodes.flush();
  blocks.flush();
  finishImage(sink, tree, layout, options);
}

function dataOf(layout: Layout, node: LayerNode, chunks: ChunkTable | undefined): InodeData {
  if (chunks !== undefined) return chunkedData(node.data?.size ?? 0, chunks.bits);
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
  const entries = directoryNames(children).map((name) => {
    const target = name === '.' ? node : name === '..' ? parent : (children.get(name) ?? node);
    return { name, nid: nidOf(layout, target), type: direntType(target) };
  });
  return encodeDirectory(entries, layout.sizes[node.index] ?? 0, blockSize);
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
