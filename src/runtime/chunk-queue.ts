/** The source that a queue slows down. */
export interface Throttle {
  pause(): void;
  resume(): void;
}

/** Bytes that are kept before the source is paused, and when it goes on. */
const HIGH_WATER = 256 * 1024;
const LOW_WATER = 64 * 1024;

/** Chunks from a source that pushes to a consumer that pulls; holds the source up while the consumer is behind. One consumer. */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #throttle: Throttle;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #paused = false;
  #ended = false;
  #waiting: ((result: IteratorResult<Uint8Array, undefined>) => void) | undefined;

  constructor(throttle: Throttle) {
    this.#throttle = throttle;
  }

  push(chunk: Uint8Array): void {
    if (this.#ended || chunk.length === 0) return;
    if (this.#waiting !== undefined) {
      this.#answer({ done: false, value: chunk });
      return;
    }
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > HIGH_WATER && !this.#paused) {
      this.#paused = true;
      this.#throttle.pause();
    }
  }

  /** No more chunks will come; those that wait are still delivered. */
  end(): void {
    this.#ended = true;
    if (this.#chunks.length === 0) this.#answer({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return { next: () => this.#next(), return: () => this.#abandon() };
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      if (this.#ended) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#size -= chunk.length;
    if (this.#paused && this.#size <= LOW_WATER) this.#goOn();
    return Promise.resolve({ done: false, value: chunk });
  }

  /** A consumer that stops early takes nothing more; the source goes on into nothing. */
  #abandon(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#ended = true;
    this.#chunks = [];
    this.#size = 0;
    if (this.#paused) this.#goOn();
    return Promise.resolve({ done: true, value: undefined });
  }

  #goOn(): void {
    this.#paused = false;
    this.#throttle.resume();
  }

  #answer(result: IteratorResult<Uint8Array, undefined>): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(result);
  }
}
