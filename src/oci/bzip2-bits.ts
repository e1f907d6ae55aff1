import { invalid } from '../base/errors.ts';

/** Reads bits, the most significant first, from bytes that are added as they come. */
export class BitReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #next = 0;
  /** The low `count` bits are the next ones. */
  #bits = 0;
  #count = 0;

  /** Whole bytes that are left. */
  get available(): number {
    return this.#bytes.length - this.#next + (this.#count >>> 3);
  }

  add(chunk: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#next);
    this.#bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#next = 0;
  }

  /** Up to 24 bits. Fails with `invalid-argument` when there are no more. */
  take(length: number): number {
    const value = this.peek(length);
    this.skip(length);
    return value;
  }

  /** Up to 24 bits, with zeros behind the end. */
  peek(length: number): number {
    while (this.#count < length) {
      this.#bits = (this.#bits << 8) | (this.#bytes[this.#next] ?? 0);
      this.#next++;
      this.#count += 8;
    }
    return (this.#bits >>> (this.#count - length)) & ((1 << length) - 1);
  }

  /** Passes bits that were peeked at. */
  skip(length: number): void {
    this.#count -= length;
    if (this.#next - (this.#count >>> 3) > this.#bytes.length) throw invalid('it is cut off');
  }

  alignToByte(): void {
    this.#count -= this.#count % 8;
  }
}
