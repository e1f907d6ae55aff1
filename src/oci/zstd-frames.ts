import { invalid } from '../base/errors.ts';

const FRAME_MAGIC = 0xfd2fb528;
/** The low four bits are the writer's. */
const SKIPPABLE_MAGIC = 0x184d2a50;

type Part = 'magic' | 'skip-size' | 'descriptor' | 'block';

/** Bytes of the frame header behind its first byte, by what that says (RFC 8878, section 3.1.1.1). */
function restOfHeader(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (single ? 0 : 1) + dictionary + contentSize;
}

/**
 * Follows the frames of a zstd stream (RFC 8878) to tell whether it ended where one does: Bun's decompressor takes a stream that is cut off
 * for a whole one.
 */
export class ZstdFrames {
  #part: Part = 'magic';
  /** The field that is being read: its bytes so far, their number, and how many it has. */
  #value = 0;
  #taken = 0;
  #length = 4;
  #skip = 0;
  #hasChecksum = false;

  feed(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#value += (chunk[at++] ?? 0) * 2 ** (8 * this.#taken++);
      if (this.#taken === this.#length) this.#read(this.#value);
    }
  }

  /** Fails with `invalid-argument` in the middle of a frame. */
  finish(): void {
    if (this.#part !== 'magic' || this.#taken > 0 || this.#skip > 0) {
      throw invalid('invalid zstd data: it is cut off');
    }
  }

  #read(value: number): void {
    if (this.#part === 'magic') {
      if (value === FRAME_MAGIC) this.#expect('descriptor', 1);
      else if (value - (value % 16) === SKIPPABLE_MAGIC) this.#expect('skip-size', 4);
      else throw invalid('invalid zstd data: no frame where one should begin');
    } else if (this.#part === 'skip-size') this.#expect('magic', 4, value);
    else if (this.#part === 'descriptor') {
      this.#hasChecksum = (value & 4) !== 0;
      this.#expect('block', 3, restOfHeader(value));
    } else this.#readBlock(value);
  }

  /** A block's header: whether it is the last, its type, its size; of a run there is one byte. */
  #readBlock(value: number): void {
    const isRun = ((value >> 1) & 3) === 1;
    const size = isRun ? 1 : value >> 3;
    if ((value & 1) === 0) this.#expect('block', 3, size);
    else this.#expect('magic', 4, size + (this.#hasChecksum ? 4 : 0));
  }

  #expect(part: Part, length: number, skip = 0): void {
    this.#part = part;
    this.#length = length;
    this.#skip = skip;
    this.#value = 0;
    this.#taken = 0;
  }
}
