import { invalid } from '../../base/errors.ts';
import { type Digest, hexOf } from '../digest.ts';
import type { TarEntry } from '../tar/entry.ts';
import type { FileData, LayerNode } from '../tar/layer-node.ts';
import { LayerTree } from '../tar/layer-tree.ts';
import type { TarLimits } from '../tar/limits.ts';
import { TarReader } from '../tar/reader.ts';
import { sealTree } from '../tar/sealed-tree.ts';
import { type ChunkTable, type Copy, isDense, planChunks } from './chunks.ts';
import { MAX_BLOCKS } from './format.ts';
import { writeImage } from './image.ts';
import type { ImageSink } from './sink.ts';
import { firstFreeBlock } from './superblock.ts';

/** Index bytes of sparse files that any layer may have; more is allowed in proportion to the tar's size. */
const SPARSE_BUDGET = 64 * 2 ** 20;

export interface IndexerOptions {
  readonly limits?: Partial<TarLimits>;
  /** log2 of the block size: 9, as tar has it, unless an image with larger blocks, holding a copy of the data, is wanted. */
  readonly blockBits?: number;
  /** Called whenever many small objects have become garbage: after some thousand members, and when all have been put in order. */
  readonly onGarbage?: () => void;
}

/** Members between two calls of `onGarbage`: each makes a few small objects that stay, and many that do not. */
const MEMBERS_PER_CALL = 8_192;

/**
 * Builds the EROFS image of a layer while its tar streams by. The image holds names, inodes and extended attributes;
 * the files' data stay in the tar, which is the image's only extra device. Nothing depends on anything but the tar:
 * the same tar gives the same image. Fails with `invalid-argument` on a broken or hostile tar.
 */
export class LayerIndexer {
  readonly #sink: ImageSink;
  readonly #blockBits: number;
  readonly #reader: TarReader;
  readonly #tree = new LayerTree();
  /** Files whose chunks are not simply where the tar has them. */
  readonly #planned = new Map<LayerNode, ChunkTable>();
  #plannedBytes = 0;
  #nextBlock: number;
  #copies: readonly Copy[] = [];
  #copyIndex = 0;
  #dataPosition = 0;
  #members = 0;
  readonly #onGarbage: () => void;

  constructor(sink: ImageSink, options: IndexerOptions = {}) {
    this.#sink = sink;
    this.#blockBits = options.blockBits ?? 9;
    this.#reader = new TarReader(options.limits);
    this.#onGarbage = options.onGarbage ?? (() => {});
    this.#nextBlock = firstFreeBlock(this.#blockBits);
  }

  /** The next bytes of the tar. */
  write(chunk: Uint8Array): void {
    for (const event of this.#reader.feed(chunk)) {
      if (event instanceof Uint8Array) this.#copyData(event);
      else this.#add(event);
    }
  }

  /** Writes what remains of the image, whose tar has the digest `diffId`. */
  finish(diffId?: Digest): void {
    this.#reader.finish();
    const tarBlocks = Math.ceil(this.#reader.position / 2 ** this.#blockBits);
    if (tarBlocks > MAX_BLOCKS) throw invalid('the layer is too large for block addresses of 32 bits');
    const tree = sealTree(this.#tree);
    if (this.#members >= MEMBERS_PER_CALL) this.#onGarbage();
    writeImage(this.#sink, tree, {
      blockBits: this.#blockBits,
      metaBlock: this.#nextBlock,
      tarBlocks,
      tag: diffId === undefined ? '' : hexOf(diffId),
      planned: this.#planned,
    });
  }

  #add(entry: TarEntry): void {
    const node = this.#tree.add(entry);
    if (++this.#members % MEMBERS_PER_CALL === 0) this.#onGarbage();
    this.#copies = [];
    this.#copyIndex = 0;
    this.#dataPosition = entry.dataOffset;
    if (entry.type !== 'file' || node?.data === undefined || node.data.size === 0) return;
    if (!isDense(node.data, this.#blockBits)) this.#plan(node, node.data);
  }

  #plan(node: LayerNode, data: FileData): void {
    const budget = SPARSE_BUDGET + this.#reader.position / 8 - this.#plannedBytes;
    const plan = planChunks(data, this.#blockBits, this.#nextBlock, budget);
    this.#planned.set(node, plan.table);
    this.#plannedBytes += plan.table.indexes.length;
    this.#nextBlock = plan.nextBlock;
    this.#copies = plan.copies;
  }

  #copyData(bytes: Uint8Array): void {
    const start = this.#dataPosition;
    const end = start + bytes.length;
    this.#dataPosition = end;
    for (; this.#copyIndex < this.#copies.length; this.#copyIndex++) {
      const copy = this.#copies[this.#copyIndex];
      if (copy === undefined || copy.from >= end) return;
      const from = Math.max(copy.from, start);
      const to = Math.min(copy.from + copy.length, end);
      this.#sink.write(copy.to + from - copy.from, bytes.subarray(from - start, to - start));
      if (to === end && to < copy.from + copy.length) return;
    }
  }
}
