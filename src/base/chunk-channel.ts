/**
 * Hands chunks from one loop to another, one at a time: `push` resolves once the reader came back for more, so that the writer may then
 * reuse the memory. A reader that stops early makes every later push resolve at once and be dropped.
 */
export class ChunkChannel implements AsyncIterable<Uint8Array> {
  #waiting: { chunk: Uint8Array; taken: () => void } | undefined;
  #finished = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #closed = false;

  push(chunk: Uint8Array): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting = { chunk, taken };
      this.#wake?.();
    });
  }

  /** No more chunks; with a reason, the reader fails. */
  end(failure?: unknown): void {
    this.#finished = true;
    this.#failure = failure;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = this.#waiting;
        if (next !== undefined) {
          yield next.chunk;
          this.#waiting = undefined;
          next.taken();
        } else if (this.#finished) {
          if (this.#failure !== undefined) throw this.#failure;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#closed = true;
      this.#waiting?.taken();
    }
  }
}
