import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Socket } from 'bun';
import { messageOf, SampanError } from '../base/errors.ts';

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** Bytes that came; the memory is the owner's. */
  chunk(bytes: Uint8Array): void;
  /** The connection is over, from either side. */
  closed(): void;
}

/** Longest path that fits in a socket address. */
const ADDRESS_LIMIT = 107;

/** A connection to a supervisor or launcher over its Unix socket, with back-pressure in both directions. */
export class SupervisorConnection {
  readonly #events: ConnectionEvents;
  #socket: Socket | undefined;
  /** Bytes that the kernel did not take yet. */
  #unsent: Uint8Array[] = [];
  #sent: PromiseWithResolvers<void> | undefined;
  #closed = false;

  private constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  /** Fails with `not-found` when nobody listens there. */
  static async open(path: string, events: ConnectionEvents): Promise<SupervisorConnection> {
    const connection = new SupervisorConnection(events);
    const address = addressOf(path);
    try {
      connection.#socket = await Bun.connect({
        unix: address.path,
        socket: {
          data: (_socket, bytes) => events.chunk(bytes),
          drain: () => connection.#flush(),
          close: () => connection.#over(),
          error: () => connection.#over(),
        },
      });
    } catch (error) {
      throw new SampanError('not-found', `nobody listens on ${path}: ${messageOf(error)}`, { cause: error });
    } finally {
      address.release();
    }
    return connection;
  }

  /** Sends bytes, which must not change until they are sent: undefined when they are already, else a promise of it. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#closed || this.#socket === undefined) return undefined;
    if (this.#sent === undefined) {
      const taken = this.#take(bytes);
      if (taken === bytes.length) return undefined;
      bytes = bytes.subarray(taken);
      this.#sent = Promise.withResolvers();
    }
    this.#unsent.push(bytes);
    return this.#sent.promise;
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Says that nothing more will be sent. The connection is over when the other side hangs up, which `closed` tells. */
  finish(): void {
    this.#socket?.shutdown();
  }

  close(): void {
    this.#socket?.end();
    this.#over();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #take(bytes: Uint8Array): number {
    return Math.max(0, this.#socket?.write(bytes) ?? bytes.length);
  }

  #flush(): void {
    while (this.#unsent.length > 0) {
      const bytes = this.#unsent[0] ?? new Uint8Array(0);
      const taken = this.#take(bytes);
      if (taken < bytes.length) {
        this.#unsent[0] = bytes.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
    this.#settle();
  }

  #settle(): void {
    this.#sent?.resolve();
    this.#sent = undefined;
  }

  #over(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsent = [];
    this.#settle();
    this.#events.closed();
  }
}

/** A path for connect(2): a long one goes through its directory's descriptor. */
function addressOf(path: string): { path: string; release(): void } {
  if (Buffer.byteLength(path) <= ADDRESS_LIMIT) return { path, release: () => {} };
  try {
    const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    return { path: `/proc/self/fd/${directory}/${basename(path)}`, release: () => closeSync(directory) };
  } catch (error) {
    throw new SampanError('not-found', `nobody listens on ${path}: ${messageOf(error)}`, { cause: error });
  }
}
