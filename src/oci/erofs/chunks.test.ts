import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { FileData } from '../tar/layer-node.ts';
import { type ChunkTable, denseBits, denseCount, planChunks, writeDenseIndexes } from './chunks.ts';
import { HOLE } from './format.ts';

const BUDGET = 2 ** 20;

/** What the kernel reads: `read(device, offset)` gives a byte of the image (0) or of the tar (1). */
function readThrough(
  table: ChunkTable,
  size: number,
  blockBits: number,
  read: (device: number, at: number) => number,
): number[] {
  const chunkSize = 2 ** (blockBits + table.bits);
  return Array.from({ length: size }, (_, at) => {
    const index = Math.floor(at / chunkSize) * 8;
    const block = table.indexes.readUInt32LE(index + 4);
    if (block === HOLE) return 0;
    return read(table.indexes.readUInt16LE(index + 2), block * 2 ** blockBits + (at % chunkSize));
  });
}

/** The indexes of a dense file, as pairs of device and block. */
function denseIndexes(size: number, offset: number): [device: number, block: number][] {
  const count = denseCount(size, 9);
  const bytes = Buffer.alloc(count * 8);
  writeDenseIndexes(bytes, 0, { size, offset, extents: undefined }, 9);
  return Array.from({ length: count }, (_, chunk) => [
    bytes.readUInt16LE(chunk * 8 + 2),
    bytes.readUInt32LE(chunk * 8 + 4),
  ]);
}

test('chunks: a dense file is one chunk, whose size is the next power of two', () => {
  expect([denseBits(5000, 9), denseCount(5000, 9)]).toEqual([4, 1]);
  expect([denseBits(1, 9), denseCount(1, 9)]).toEqual([0, 1]);
  expect(denseIndexes(5000, 1536)).toEqual([[1, 3]]);
});

test('chunks: a file larger than the largest chunk has several, one behind the other', () => {
  expect([denseBits(2 ** 41 - 5, 9), denseCount(2 ** 41 - 5, 9)]).toEqual([31, 2]);
  expect(denseIndexes(2 ** 41 - 5, 512)).toEqual([
    [1, 1],
    [1, 1 + 2 ** 31],
  ]);
});

test('chunks: any sparse file reads as it was, with the tar for all that is aligned', () => {
  const runs = fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 60 })), {
    maxLength: 8,
  });
  const unit = fc.constantFrom(1, 100, 512, 4096);
  fc.assert(
    fc.property(
      runs,
      unit,
      fc.integer({ min: 0, max: 5000 }),
      fc.constantFrom(9, 12),
      (pieces, scale, rest, blockBits) => {
        const extents: { offset: number; length: number }[] = [];
        let at = 0;
        for (const [gap, length] of pieces) {
          at += gap * scale;
          if (extents.length > 0 && gap === 0) at += scale;
          extents.push({ offset: at, length: length * scale });
          at += length * scale;
        }
        const data: FileData = { size: at + rest, offset: 3 * 512, extents };
        const expected = new Uint8Array(data.size);
        const stored: number[] = [];
        for (const { offset, length } of extents) {
          for (let byte = 0; byte < length; byte++) {
            const value = ((offset + byte) % 251) + 1;
            expected[offset + byte] = value;
            stored.push(value);
          }
        }
        const tar = (position: number): number => stored[position - data.offset] ?? 0;
        const plan = planChunks(data, blockBits, 7, BUDGET);
        const image = new Map<number, number>();
        for (const { from, length, to } of plan.copies) {
          expect(to).toBeGreaterThanOrEqual(7 * 2 ** blockBits);
          expect(to + length).toBeLessThanOrEqual(plan.nextBlock * 2 ** blockBits);
          for (let byte = 0; byte < length; byte++) {
            expect(image.has(to + byte)).toBe(false);
            image.set(to + byte, tar(from + byte));
          }
        }
        const seen = readThrough(plan.table, data.size, blockBits, (device, position) =>
          device === 1 ? tar(position) : (image.get(position) ?? 0),
        );
        expect(seen).toEqual([...expected]);
        if (scale === 512 && blockBits === 9 && rest % 512 === 0) expect(plan.copies.length).toBe(0);
      },
    ),
    { numRuns: 40 },
  );
}, 30_000);

test('chunks: copies come in the order of the archive', () => {
  const extents = [100, 5000, 9000].map((offset) => ({ offset, length: 700 }));
  const { copies } = planChunks({ size: 20_000, offset: 512, extents }, 9, 3, BUDGET);
  const positions = copies.map(({ from }) => from);
  expect(positions).toEqual(positions.toSorted((left, right) => left - right));
});

test('chunks: an enormous hole costs little, and too many runs are refused', () => {
  const size = 2 ** 44;
  const few = planChunks({ size, offset: 512, extents: [{ offset: 2 ** 43 + 5, length: 10 }] }, 9, 3, BUDGET);
  expect(few.table.indexes.length).toBeLessThan(512 * 1024);
  const extents = Array.from({ length: 2000 }, (_, index) => ({ offset: index * 2 ** 33 + 1, length: 1 }));
  expect(() => planChunks({ size, offset: 512, extents }, 9, 3, 128)).toThrow('too large');
  expect(() => planChunks({ size, offset: 512, extents }, 9, 3, 64)).toThrow('too many holes');
});
