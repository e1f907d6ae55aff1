/** What the connection needs of a socket: Bun's TCP, TLS and Unix sockets have it, and a test's fake. */
export interface RawSocket {
  /** Bytes taken; fewer than given when the kernel's buffer is full, -1 when closed. */
  write(bytes: Uint8Array): number;
  pause(): void;
  resume(): void;
  /** Half-close: no more is written. */
  shutdown(): void;
  /** Closes both directions at once. */
  terminate(): void;
}

export class ConnectionClosed extends Error {
  override readonly name = 'ConnectionClosed';
}

/** Bytes read ahead of the consumer before the peer is made to wait. */
const HIGH_WATER = 256 * 1024;
/** How long a peer may still send after our end of the stream, before both directions are closed. */
const LINGER_MILLISECONDS = 2000;

/**
 * One client's byte streams, each with back-pressure. The peer's end of stream (FIN) only ends reading: writing goes on, which is how a
 * container's standard input ends while its output continues.
 */
export class Connection {
  readonly #socket: RawSocket;
  readonly #incoming: Uint8Array[] = [];
  #buffered = 0;
  #paused = false;
  #waitingReader: (() => void) | undefined;
  #outgoing: Uint8Array[] = [];
  #waitingWriters: (() => void)[] = [];
  #finishing = false;
  #leaveListener: (() => void) | undefined;
  readonly #closeListeners = new Set<() => void>();

  /** The peer has sent its end of stream; what was buffered before can still be read. */
  ended = false;
  /** Both directions are gone. */
  closed = false;

  constructor(socket: RawSocket) {
    this.#socket = socket;
  }

  /** The next bytes; undefined at the end of the peer's stream. One reader at a time. */
  async read(): Promise<Uint8Array | undefined> {
    while (this.#incoming.length === 0) {
      if (this.ended || this.closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#waitingReader = resolve;
      });
    }
    const chunk = this.#incoming.shift();
    this.#buffered -= chunk?.length ?? 0;
    if (this.#paused && this.#buffered < HIGH_WATER / 2) {
      this.#paused = false;
      if (!this.closed) this.#socket.resume();
    }
    return chunk;
  }

  /** Puts bytes back, to be read next. */
  unread(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#incoming.unshift(bytes);
    this.#buffered += bytes.length;
  }

  /** Returns a promise only when the peer is slow: it resolves when the kernel took the bytes, and rejects with ConnectionClosed. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.closed) return Promise.reject(new ConnectionClosed('the client has gone'));
    if (bytes.length === 0) return undefined;
    if (this.#outgoing.length === 0) {
      const taken = Math.max(this.#socket.write(bytes), 0);
      if (taken === bytes.length) return undefined;
      this.#outgoing.push(bytes.subarray(taken));
    } else {
      this.#outgoing.push(bytes);
    }
    return new Promise((resolve, reject) => {
      this.#waitingWriters.push(() => {
        if (this.#outgoing.length === 0) resolve();
        else reject(new ConnectionClosed('the client has gone'));
      });
    });
  }

  /** Ends our stream once everything is written, and closes when the peer ends too or takes too long. */
  finish(): void {
    if (this.#finishing || this.closed) return;
    this.#finishing = true;
    this.#leaveListener = undefined;
    if (this.#outgoing.length === 0) this.#shutdown();
  }

  destroy(): void {
    if (this.closed) return;
    this.#socket.terminate();
    this.socketClosed();
  }

  /** Says once when the peer ends its stream or goes away, unless undefined is given before. */
  onLeave(listener: (() => void) | undefined): void {
    this.#leaveListener = listener;
    if (listener !== undefined && (this.ended || this.closed)) this.#announceLeave();
  }

  /** Says once when both directions are gone. Returns what takes the listener away. */
  onClose(listener: () => void): () => void {
    if (this.closed) listener();
    else this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  received(bytes: Uint8Array): void {
    if (this.#finishing) return;
    this.#incoming.push(bytes);
    this.#buffered += bytes.length;
    if (this.#buffered > HIGH_WATER && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    this.#wakeReader();
  }

  peerEnded(): void {
    this.ended = true;
    this.#wakeReader();
    this.#announceLeave();
    if (this.#finishing && this.#outgoing.length === 0) this.destroy();
  }

  drained(): void {
    while (this.#outgoing.length > 0) {
      const [bytes] = this.#outgoing as [Uint8Array];
      const taken = Math.max(this.#socket.write(bytes), 0);
      if (taken < bytes.length) {
        this.#outgoing[0] = bytes.subarray(taken);
        return;
      }
      this.#outgoing.shift();
    }
    this.#wakeWriters();
    if (this.#finishing) this.#shutdown();
  }

  socketClosed(): void {
    if (this.closed) return;
    this.closed = true;
    this.ended = true;
    this.#wakeReader();
    this.#wakeWriters();
    this.#announceLeave();
    for (const listener of this.#closeListeners) listener();
    this.#closeListeners.clear();
  }

  #shutdown(): void {
    this.#socket.shutdown();
    if (this.ended) {
      this.destroy();
      return;
    }
    // What the peer still sends is thrown away: closing on unread bytes would reset the connection and could lose our last ones.
    this.#incoming.length = 0;
    this.#socket.resume();
    const timer = setTimeout(() => this.destroy(), LINGER_MILLISECONDS);
    timer.unref();
    this.onClose(() => clearTimeout(timer));
  }

  #announceLeave(): void {
    const listener = this.#leaveListener;
    this.#leaveListener = undefined;
    listener?.();
  }

  #wakeReader(): void {
    const wake = this.#waitingReader;
    this.#waitingReader = undefined;
    wake?.();
  }

  #wakeWriters(): void {
    const writers = this.#waitingWriters;
    this.#waitingWriters = [];
    for (const wake of writers) wake();
  }
}
