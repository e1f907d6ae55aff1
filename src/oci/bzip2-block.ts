import { invalid } from '../base/errors.ts';
import type { BitReader } from './bzip2-bits.ts';

const MAX_CODE_LENGTH = 20;
/** Symbols that are coded with one table before the next is chosen. */
const GROUP_SIZE = 50;
const MAX_SELECTORS = 1 << 15;

/** A canonical Huffman code. */
interface CodeTable {
  readonly shortest: number;
  /** For each length: what a code of 20 bits is less than when the code that it begins with has that length. */
  readonly limits: Uint32Array;
  /** For each length: the place in `symbols` of its first code, less that code. */
  readonly offsets: Int32Array;
  readonly symbols: Uint16Array;
}

/**
 * A block's bytes, still Burrows-Wheeler transformed, in the low 8 bits of `block`; their number, and where the text begins. The format has
 * no specification but bzip2's own programs. Fails with `invalid-argument`.
 */
export function readBlock(bits: BitReader, block: Uint32Array): { count: number; origin: number } {
  if (bits.take(1) === 1) throw invalid('it has randomised blocks, which are obsolete');
  const origin = bits.take(24);
  const used = readUsedBytes(bits);
  const tableCount = bits.take(3);
  if (tableCount < 2 || tableCount > 6) throw damaged();
  const selectors = readSelectors(bits, tableCount);
  const tables = Array.from({ length: tableCount }, () => readTable(bits, used.length + 2));
  const count = readSymbols(bits, { block, used, selectors, tables });
  if (origin >= count) throw damaged();
  return { count, origin };
}

function readUsedBytes(bits: BitReader): number[] {
  const ranges = bits.take(16);
  const used: number[] = [];
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const members = bits.take(16);
    for (let member = 0; member < 16; member++) {
      if ((members & (0x8000 >> member)) !== 0) used.push(range * 16 + member);
    }
  }
  if (used.length === 0) throw damaged();
  return used;
}

function readSelectors(bits: BitReader, tableCount: number): Uint8Array {
  const count = bits.take(15);
  if (count === 0 || count >= MAX_SELECTORS) throw damaged();
  const order = Array.from({ length: tableCount }, (_, table) => table);
  const selectors = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    let place = 0;
    while (bits.take(1) === 1) {
      if (++place >= tableCount) throw damaged();
    }
    const [table = 0] = order.splice(place, 1);
    order.unshift(table);
    selectors[index] = table;
  }
  return selectors;
}

function readTable(bits: BitReader, symbolCount: number): CodeTable {
  const lengths = new Uint8Array(symbolCount);
  let length = bits.take(5);
  for (let symbol = 0; symbol < symbolCount; symbol++) {
    for (;;) {
      if (length < 1 || length > MAX_CODE_LENGTH) throw damaged();
      if (bits.take(1) === 0) break;
      length += bits.take(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return makeTable(lengths);
}

function makeTable(lengths: Uint8Array): CodeTable {
  const limits = new Uint32Array(MAX_CODE_LENGTH + 1);
  const offsets = new Int32Array(MAX_CODE_LENGTH + 1);
  const symbols = new Uint16Array(lengths.length);
  let [code, place] = [0, 0];
  for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
    code <<= 1;
    offsets[length] = place - code;
    for (const [symbol, its] of lengths.entries()) {
      if (its !== length) continue;
      symbols[place++] = symbol;
      code++;
    }
    limits[length] = code << (MAX_CODE_LENGTH - length);
  }
  return { shortest: Math.min(...lengths), limits, offsets, symbols };
}

interface SymbolParts {
  readonly block: Uint32Array;
  readonly used: readonly number[];
  readonly selectors: Uint8Array;
  readonly tables: readonly CodeTable[];
}

/** Undoes Huffman coding, run lengths of the front byte, and move-to-front. */
function readSymbols(bits: BitReader, { block, used, selectors, tables }: SymbolParts): number {
  const front = Uint8Array.from(used);
  const end = used.length + 1;
  let [count, run, weight] = [0, 0, 1];
  for (const selector of selectors) {
    const table = tables[selector];
    if (table === undefined) throw damaged();
    for (let left = GROUP_SIZE; left > 0; left--) {
      const symbol = readSymbol(bits, table);
      if (symbol < 2) {
        run += weight << symbol;
        weight <<= 1;
        if (run > block.length) throw damaged();
        continue;
      }
      if (count + run >= block.length + (symbol === end ? 1 : 0)) throw damaged();
      if (run > 0) block.fill(front[0] ?? 0, count, count + run);
      count += run;
      [run, weight] = [0, 1];
      if (symbol === end) return count;
      const byte = front[symbol - 1] ?? 0;
      front.copyWithin(1, 0, symbol - 1);
      front[0] = byte;
      block[count++] = byte;
    }
  }
  throw damaged();
}

function readSymbol(bits: BitReader, { shortest, limits, offsets, symbols }: CodeTable): number {
  const code = bits.peek(MAX_CODE_LENGTH);
  for (let length = shortest; length <= MAX_CODE_LENGTH; length++) {
    if (code >= (limits[length] ?? 0)) continue;
    bits.skip(length);
    return symbols[(code >>> (MAX_CODE_LENGTH - length)) + (offsets[length] ?? 0)] ?? 0;
  }
  throw damaged();
}

export function damaged(): Error {
  return invalid('it is damaged');
}
