/** Where an image goes: bytes at absolute offsets, in any order; what is never written reads as zeros. */
export interface ImageSink {
  write(offset: number, bytes: Uint8Array): void;
  /** Says how long the image is; not less than what was written. */
  resize(length: number): void;
}

const BUFFER_SIZE = 256 * 1024;

/** Gathers small pieces of one growing region, so that the sink sees large ones. Offsets never go back. */
export class RegionWriter {
  /** Where `reserve` makes room. */
  readonly buffer = Buffer.alloc(BUFFER_SIZE);
  readonly #sink: ImageSink;
  #start: number;
  #used = 0;

  constructor(sink: ImageSink, start: number) {
    this.#sink = sink;
    this.#start = start;
  }

  /** Makes room for `length` bytes (at most 64 KiB) at `offset` of the image: they are zeros at the returned place of `buffer`. */
  reserve(offset: number, length: number): number {
    if (offset + length > this.#start + BUFFER_SIZE) this.#flushTo(offset);
    this.#used = offset - this.#start + length;
    return offset - this.#start;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length <= BUFFER_SIZE) {
      this.buffer.set(bytes, this.reserve(offset, bytes.length));
      return;
    }
    this.#flushTo(offset);
    this.#sink.write(offset, bytes);
    this.#flushTo(offset + bytes.length);
  }

  flush(): void {
    this.#flushTo(this.#start + this.#used);
  }

  #flushTo(next: number): void {
    if (this.#used > 0) this.#sink.write(this.#start, this.buffer.subarray(0, this.#used));
    this.buffer.fill(0, 0, this.#used);
    this.#used = 0;
    this.#start = next;
  }
}
