import { invalid } from '../base/errors.ts';
import { BitReader } from './bzip2-bits.ts';
import { damaged, readBlock } from './bzip2-block.ts';

const STREAM_MAGIC = 0x425a68;
const BLOCK_MAGIC = [0x314159, 0x265359] as const;
const END_MAGIC = [0x177245, 0x385090] as const;

/** Bytes of a block that a level stands for, before they were compressed. */
const LEVEL = 100_000;
/** No block takes more: a code of 20 bits for each byte, and the tables. */
const MAX_BLOCK_BYTES = (9 * LEVEL * 20) / 8 + 65_536;
const PIECE = 128 << 10;

const crcTable = new Uint32Array(256).map((_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** The plain bytes of bzip2 streams, one behind the other. Fails with `invalid-argument` on anything else, and on wrong checksums. */
export async function* bunzip2(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const bits = new BitReader();
  const decoder = new Decoder(bits);
  for await (const chunk of source) {
    bits.add(chunk);
    while (bits.available > MAX_BLOCK_BYTES) yield* decoder.step();
  }
  while (bits.available > 0) yield* decoder.step();
  decoder.finish();
}

class Decoder {
  readonly #bits: BitReader;
  #block: Uint32Array | undefined;
  /** Of the stream's blocks. */
  #crc = 0;

  constructor(bits: BitReader) {
    this.#bits = bits;
  }

  /** A stream's header, a block, or a stream's end. All of it must be there. */
  *step(): Generator<Uint8Array, void> {
    const bits = this.#bits;
    if (this.#block === undefined) {
      if (bits.take(24) !== STREAM_MAGIC) throw damaged();
      const level = bits.take(8) - 0x30;
      if (level < 1 || level > 9) throw damaged();
      this.#block = new Uint32Array(level * LEVEL);
      this.#crc = 0;
      return;
    }
    const [high, low, crc] = [bits.take(24), bits.take(24), takeCrc(bits)];
    if (high === BLOCK_MAGIC[0] && low === BLOCK_MAGIC[1]) {
      yield* this.#readBlock(this.#block, crc);
      this.#crc = ((this.#crc << 1) | (this.#crc >>> 31)) ^ crc;
    } else if (high === END_MAGIC[0] && low === END_MAGIC[1]) {
      if (crc !== this.#crc) throw invalid('the checksum is wrong');
      bits.alignToByte();
      this.#block = undefined;
    } else throw damaged();
  }

  finish(): void {
    if (this.#block !== undefined) throw invalid('it is cut off');
  }

  *#readBlock(block: Uint32Array, expected: number): Generator<Uint8Array, void> {
    const { count, origin } = readBlock(this.#bits, block);
    linkBytes(block, count);
    let crc = -1;
    for (const piece of unroll(block, count, origin)) {
      for (const byte of piece) crc = (crc << 8) ^ (crcTable[(crc >>> 24) ^ byte] ?? 0);
      yield piece;
    }
    if (~crc !== expected) throw invalid('the checksum is wrong');
  }
}

/** As a signed number, like those that are calculated. */
function takeCrc(bits: BitReader): number {
  return (bits.take(16) << 16) | bits.take(16);
}

/** Begins to undo the Burrows-Wheeler transform: the high 24 bits of each byte's place now tell where the next byte is. */
function linkBytes(block: Uint32Array, count: number): void {
  const places = new Uint32Array(257);
  for (let index = 0; index < count; index++) {
    const byte = (block[index] ?? 0) & 0xff;
    places[byte + 1] = (places[byte + 1] ?? 0) + 1;
  }
  for (let byte = 1; byte <= 256; byte++) places[byte] = (places[byte] ?? 0) + (places[byte - 1] ?? 0);
  for (let index = 0; index < count; index++) {
    const byte = (block[index] ?? 0) & 0xff;
    const place = places[byte] ?? 0;
    places[byte] = place + 1;
    block[place] = ((block[place] ?? 0) | (index << 8)) >>> 0;
  }
}

/** The text of linked bytes: four equal ones are followed by the number of further ones. */
function* unroll(block: Uint32Array, count: number, origin: number): Generator<Uint8Array, void> {
  let piece = new Uint8Array(PIECE);
  let [filled, equal, previous] = [0, 0, -1];
  let place = (block[origin] ?? 0) >>> 8;
  for (let left = count; left > 0; left--) {
    const link = block[place] ?? 0;
    const byte = link & 0xff;
    place = link >>> 8;
    if (filled + 256 > PIECE) {
      yield piece.subarray(0, filled);
      piece = new Uint8Array(PIECE);
      filled = 0;
    }
    if (equal === 4) {
      piece.fill(previous, filled, filled + byte);
      filled += byte;
      [equal, previous] = [0, -1];
      continue;
    }
    equal = byte === previous ? equal + 1 : 1;
    previous = byte;
    piece[filled++] = byte;
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
