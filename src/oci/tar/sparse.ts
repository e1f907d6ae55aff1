import { invalid } from '../../base/errors.ts';
import { BLOCK, type Extent } from './entry.ts';
import { parseDecimal, readNumber } from './numbers.ts';

/** Pairs of offset and length, as the different sparse formats give them, not yet checked. */
export type SparseNumbers = number[];

/** Old GNU headers hold pairs of 12-byte numbers. Reading ends at the first empty pair. */
export function readOldSparse(block: Uint8Array, offset: number, count: number, into: SparseNumbers): void {
  for (let index = 0; index < count; index++) {
    const at = offset + index * 24;
    if (block[at] === 0 && block[at + 12] === 0) return;
    into.push(readNumber(block, at, 12, 'sparse offset'), readNumber(block, at + 12, 12, 'sparse length'));
  }
}

/** GNU.sparse.map of format 0.1: comma-separated numbers. */
export function parseSparseList(text: string, limit: number): SparseNumbers {
  if (text === '') return [];
  const numbers = text.split(',', limit * 2 + 1);
  if (numbers.length > limit * 2) throw tooManyExtents();
  return numbers.map((number) => parseDecimal(number, 'GNU.sparse.map'));
}

/**
 * The map at the start of a GNU.sparse 1.0 member's data: lines of decimal numbers, the count of pairs first, padded
 * to whole blocks. Fed block by block.
 */
export class SparseMapReader {
  readonly numbers: SparseNumbers = [];
  readonly #limit: number;
  #expected = -1;
  #rest = '';

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True once the map is complete. */
  push(block: Buffer): boolean {
    const lines = (this.#rest + block.toString('latin1', 0, BLOCK)).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > BLOCK) throw invalid('invalid tar header: malformed sparse map');
    for (const line of lines) {
      if (this.#complete()) break;
      this.#take(parseDecimal(line, 'sparse map'));
    }
    return this.#complete();
  }

  #take(value: number): void {
    if (this.#expected >= 0) {
      this.numbers.push(value);
      return;
    }
    if (value < 0 || value > this.#limit) throw tooManyExtents();
    this.#expected = value;
  }

  #complete(): boolean {
    return this.#expected >= 0 && this.numbers.length >= this.#expected * 2;
  }
}

/**
 * Checks that the runs are in order, inside the file and as long as what is stored, joins those that touch and drops
 * empty ones.
 */
export function checkExtents(numbers: SparseNumbers, size: number, stored: number): Extent[] {
  if (numbers.length % 2 !== 0) throw invalid('invalid tar header: sparse map of odd length');
  const extents: { offset: number; length: number }[] = [];
  let end = 0;
  let total = 0;
  for (let index = 0; index < numbers.length; index += 2) {
    const offset = numbers[index] ?? 0;
    const length = numbers[index + 1] ?? 0;
    if (length < 0 || offset < end || offset + length > size) {
      throw invalid('invalid tar header: sparse map out of order or outside the file');
    }
    const last = extents.at(-1);
    if (last !== undefined && offset === last.offset + last.length) last.length += length;
    else if (length > 0) extents.push({ offset, length });
    end = offset + length;
    total += length;
  }
  if (total !== stored) throw invalid('invalid tar header: sparse map does not match the stored data');
  return extents;
}

export function tooManyExtents(): Error {
  return invalid('invalid tar header: too many runs of data in sparse files');
}
