import type { Endpoint, TlsMaterial } from './endpoint.ts';

/** A byte stream in both directions whose halves close separately. */
export interface Connection {
  /** Resolves when the bytes are handed to the system, so that a slow peer slows the writer. */
  write(bytes: Uint8Array): Promise<void>;
  /** Sends end-of-file; reading goes on. */
  closeWrite(): void;
  /** The next bytes, or null at end-of-file. One reader at a time. */
  read(): Promise<Uint8Array | null>;
  /** Puts bytes back in front of what will be read. */
  unread(bytes: Uint8Array): void;
  /** True once the peer closed or the connection broke. */
  readonly ended: boolean;
  close(): void;
}

/**
 * Opens a connection. Bun's own sockets are used where they exist: loading `node:net` costs a third of a short command's time there.
 */
export async function dial(endpoint: Endpoint, tls: TlsMaterial | undefined): Promise<Connection> {
  if (tls === undefined && typeof Bun !== 'undefined') {
    const { dialWithBun } = await import('./connection-bun.ts');
    return dialWithBun(endpoint);
  }
  const { dialWithNode } = await import('./connection-node.ts');
  return dialWithNode(endpoint, tls);
}

/** More than this unread makes the inbox ask the socket to pause. */
const HIGH_WATER_MARK = 1 << 18;

interface Reader {
  resolve(chunk: Uint8Array | null): void;
  reject(reason: unknown): void;
}

/** What arrived and was not read yet. `pause` and `resume` tell the socket to stop and to go on. */
export class Inbox {
  readonly #chunks: Uint8Array[] = [];
  #buffered = 0;
  #paused = false;
  #failure: Error | undefined;
  #waiting: Reader | undefined;
  readonly #flow: { pause(): void; resume(): void };
  ended = false;

  constructor(flow: { pause(): void; resume(): void }) {
    this.#flow = flow;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#waiting !== undefined) {
      this.#takeWaiting()?.resolve(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered > HIGH_WATER_MARK && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
  }

  end(): void {
    this.ended = true;
    this.#takeWaiting()?.resolve(null);
  }

  fail(reason: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.#failure = reason;
    this.#takeWaiting()?.reject(reason);
  }

  unread(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#buffered += chunk.length;
  }

  read(): Promise<Uint8Array | null> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#buffered -= chunk.length;
      if (this.#paused && this.#buffered < HIGH_WATER_MARK / 2) {
        this.#paused = false;
        this.#flow.resume();
      }
      return Promise.resolve(chunk);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #takeWaiting(): Reader | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}
