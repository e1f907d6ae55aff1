import { SampanError } from '../../base/errors.ts';
import type { ByteStream } from './byte-stream.ts';

/** What of an answer the peer has not taken yet, at which whoever writes has to wait, bytes. */
const MAX_WAITING = 1 << 20;

/** A connection within a call: the requests are its bytes one way, the answers those the other way. */
export class Tunnel {
  readonly stream: ByteStream;
  readonly #closed = Promise.withResolvers<void>();
  #waiting: Uint8Array[] = [];
  #size = 0;
  #isFinished = false;
  #isClosed = false;
  #wake: (() => void) | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  /** `signal`: of the call. */
  constructor(requests: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    const incoming = requests[Symbol.asyncIterator]();
    signal.addEventListener('abort', () => this.#close(), { once: true });
    this.stream = {
      read: async () => {
        const { done, value } = await incoming.next();
        // Whoever sends no more waits for our end before it goes.
        if (done) this.#close();
        return done ? undefined : value;
      },
      write: (bytes) => this.#write(bytes),
      finish: () => {
        this.#isFinished = true;
        this.#wake?.();
      },
      destroy: () => this.#close(),
      onClose: (listener) => void this.#closed.promise.then(listener),
    };
  }

  /** To be read until the end; whoever stops before closes the connection. */
  async *answers(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        const pieces = this.#waiting;
        this.#waiting = [];
        this.#size = 0;
        this.#drained?.resolve();
        this.#drained = undefined;
        yield* pieces;
        if (this.#isClosed || (this.#isFinished && this.#waiting.length === 0)) return;
        if (this.#waiting.length > 0) continue;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      this.#close();
    }
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#isClosed) return Promise.reject(new SampanError('unavailable', 'the client has gone'));
    // The writer may use its bytes again.
    this.#waiting.push(Uint8Array.from(bytes));
    this.#size += bytes.length;
    this.#wake?.();
    if (this.#size < MAX_WAITING) return undefined;
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wake?.();
    this.#drained?.reject(new SampanError('unavailable', 'the client has gone'));
    this.#closed.resolve();
  }
}
