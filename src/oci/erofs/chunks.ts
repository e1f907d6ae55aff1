import { invalid } from '../../base/errors.ts';
import type { FileData } from '../tar/layer-node.ts';
import { CHUNK_INDEX_SIZE, HOLE, MAX_CHUNK_BITS } from './format.ts';

/** Where the chunks of one file are. */
export interface ChunkTable {
  /** log2 of the blocks per chunk. */
  readonly bits: number;
  /** 8 bytes for each chunk: device and first block. */
  readonly indexes: Buffer;
}

/** Data that must be copied into the image because the tar has them where no block can begin. */
export interface Copy {
  /** In the archive. */
  readonly from: number;
  readonly length: number;
  /** In the image. */
  readonly to: number;
}

export interface ChunkPlan {
  readonly table: ChunkTable;
  readonly copies: readonly Copy[];
  /** First block of the image after what is copied. */
  readonly nextBlock: number;
}

/** A run of data: in the file, and in the archive. */
interface Run {
  readonly start: number;
  readonly end: number;
  readonly from: number;
}

/** The device that the tar is; the image itself is 0. */
const TAR_DEVICE = 1;

/** Whether a file is in the tar as one run that begins on a block boundary, as in archives of 512-byte blocks all but sparse files are. */
export function isDense(data: FileData, blockBits: number): boolean {
  return data.extents === undefined && data.offset % 2 ** blockBits === 0;
}

/** Of a dense file, log2 of the blocks per chunk: so many that there are as few chunks as can be, all in the tar. */
export function denseBits(size: number, blockBits: number): number {
  return Math.min(Math.ceil(Math.log2(blocksOf(size, blockBits))), MAX_CHUNK_BITS);
}

/** How many chunks a dense file has. */
export function denseCount(size: number, blockBits: number): number {
  return Math.ceil(blocksOf(size, blockBits) / 2 ** denseBits(size, blockBits));
}

function blocksOf(size: number, blockBits: number): number {
  return Math.ceil(size / 2 ** blockBits);
}

/** Writes the indexes of a dense file's `count` chunks at `at`. */
export function writeDenseIndexes(bytes: Buffer, at: number, data: FileData, blockBits: number): void {
  const bits = denseBits(data.size, blockBits);
  const count = denseCount(data.size, blockBits);
  const first = data.offset / 2 ** blockBits;
  for (let chunk = 0; chunk < count; chunk++) {
    writeIndex(bytes, at + chunk * CHUNK_INDEX_SIZE, TAR_DEVICE, first + chunk * 2 ** bits);
  }
}

/**
 * Any file. A chunk that lies in one run of data, aligned in the archive, refers to the tar; a chunk without data is a
 * hole; any other one is copied, holes and all, to the image from block `nextBlock` on. The chunk size is the one that
 * costs least among those whose indexes fit into `budget` bytes.
 */
export function planChunks(data: FileData, blockBits: number, nextBlock: number, budget: number): ChunkPlan {
  const runs = runsOf(data);
  let best: { readonly bits: number; readonly cost: number } | undefined;
  for (let bits = 0; bits <= MAX_CHUNK_BITS; bits++) {
    const chunkSize = 2 ** (blockBits + bits);
    const indexBytes = Math.ceil(data.size / chunkSize) * CHUNK_INDEX_SIZE;
    const cost = indexBytes + costOf(runs, data.size, blockBits, chunkSize);
    if (indexBytes <= budget && (best === undefined || cost < best.cost)) best = { bits, cost };
    if (chunkSize >= data.size) break;
  }
  if (best === undefined) throw invalid('the layer has sparse files with too many holes');
  return layOut(runs, data.size, blockBits, best.bits, nextBlock);
}

function runsOf(data: FileData): Run[] {
  if (data.extents === undefined) return [{ start: 0, end: data.size, from: data.offset }];
  let from = data.offset;
  return data.extents.map(({ offset, length }) => {
    const run = { start: offset, end: offset + length, from };
    from += length;
    return run;
  });
}

/** Bytes that are copied, and a little for each page that the image gets longer. */
function costOf(runs: readonly Run[], size: number, blockBits: number, chunkSize: number): number {
  let cost = 0;
  for (const run of runs) {
    const whole = referable(run, size, blockBits, chunkSize);
    const copied = run.end - run.start - Math.max(0, Math.min(whole.end, run.end) - whole.start);
    // Both ends may stand in a chunk that is mostly hole.
    if (copied > 0) cost += copied + (2 * chunkSize) / 4096;
  }
  return cost;
}

/** The chunk-aligned part of a run that the tar can stand for; `end` counts to the end of the last chunk. */
function referable(
  run: Run,
  size: number,
  blockBits: number,
  chunkSize: number,
): { start: number; end: number } {
  const start = Math.ceil(run.start / chunkSize) * chunkSize;
  const end =
    run.end === size ? Math.ceil(size / chunkSize) * chunkSize : Math.floor(run.end / chunkSize) * chunkSize;
  const aligned = (run.from + start - run.start) % 2 ** blockBits === 0;
  return aligned && end > start ? { start, end } : { start, end: start };
}

function layOut(
  runs: readonly Run[],
  size: number,
  blockBits: number,
  bits: number,
  nextBlock: number,
): ChunkPlan {
  const blockSize = 2 ** blockBits;
  const chunkSize = 2 ** (blockBits + bits);
  const count = Math.ceil(size / chunkSize);
  const indexes = Buffer.alloc(count * CHUNK_INDEX_SIZE);
  for (let chunk = 0; chunk < count; chunk++) writeIndex(indexes, chunk * CHUNK_INDEX_SIZE, 0, HOLE);
  const copies: Copy[] = [];
  let next = nextBlock;
  let copied = { chunk: -1, block: 0 };
  const copy = (run: Run, start: number, end: number): void => {
    for (let at = start; at < end; ) {
      const chunk = Math.floor(at / chunkSize);
      if (chunk !== copied.chunk) {
        copied = { chunk, block: next };
        writeIndex(indexes, chunk * CHUNK_INDEX_SIZE, 0, next);
        next += Math.ceil(Math.min(chunkSize, size - chunk * chunkSize) / blockSize);
      }
      const stop = Math.min(end, (chunk + 1) * chunkSize);
      const to = copied.block * blockSize + (at - chunk * chunkSize);
      copies.push({ from: run.from + at - run.start, length: stop - at, to });
      at = stop;
    }
  };
  for (const run of runs) {
    const { start, end } = referable(run, size, blockBits, chunkSize);
    const from = run.from - run.start;
    copy(run, run.start, end > start ? start : run.end);
    for (let at = start; at < end; at += chunkSize) {
      writeIndex(indexes, (at / chunkSize) * CHUNK_INDEX_SIZE, TAR_DEVICE, (from + at) / blockSize);
    }
    if (end > start) copy(run, end, run.end);
  }
  return { table: { bits, indexes }, copies, nextBlock: next };
}

function writeIndex(bytes: Buffer, at: number, device: number, block: number): void {
  if (block > HOLE) throw invalid('the layer is too large for block addresses of 32 bits');
  bytes.writeUInt16LE(0, at);
  bytes.writeUInt16LE(device, at + 2);
  bytes.writeUInt32LE(block, at + 4);
}
