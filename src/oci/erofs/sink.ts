/** Where an image goes: bytes at absolute offsets, in any order; what is never written reads as zeros. */
export interface ImageSink {
  write(offset: number, bytes: Uint8Array): void;
  /** Says how long the image is; not less than what was written. */
  resize(length: number): void;
}

const BUFFER_SIZE = 256 * 1024;

/** Gathers small pieces of one growing region, so that the sink sees large ones. */
export class RegionWriter {
  readonly #sink: ImageSink;
  readonly #buffer = Buffer.alloc(BUFFER_SIZE);
  #start: number;
  #used = 0;

  constructor(sink: ImageSink, start: number) {
    this.#sink = sink;
    this.#start = start;
  }

  /** `offset` never goes back; what is skipped is zeros. */
  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.#start + BUFFER_SIZE) this.#flushTo(offset);
    if (bytes.length > BUFFER_SIZE) {
      this.#sink.write(offset, bytes);
      this.#flushTo(offset + bytes.length);
      return;
    }
    this.#buffer.set(bytes, offset - this.#start);
    this.#used = offset - this.#start + bytes.length;
  }

  flush(): void {
    this.#flushTo(this.#start + this.#used);
  }

  #flushTo(next: number): void {
    if (this.#used > 0) this.#sink.write(this.#start, this.#buffer.subarray(0, this.#used));
    this.#buffer.fill(0, 0, this.#used);
    this.#used = 0;
    this.#start = next;
  }
}

/** An image in memory, for what is small. */
export class MemorySink implements ImageSink {
  #bytes = Buffer.alloc(4096);
  #length = 0;

  write(offset: number, bytes: Uint8Array): void {
    this.resize(Math.max(this.#length, offset + bytes.length));
    this.#bytes.set(bytes, offset);
  }

  resize(length: number): void {
    if (length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#length = length;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}
