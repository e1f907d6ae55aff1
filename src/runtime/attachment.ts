import { ChunkQueue } from './chunk-queue.ts';
import type { Attachment } from './contract.ts';
import { encodeFrame } from './frames.ts';
import type { SupervisorConnection } from './supervisor-connection.ts';
import { encodeStdinHeader, supervisorFrames } from './supervisor-protocol.ts';

/** Largest STDIN frame that is sent. Longer writes are cut, so that a detach is noticed between the pieces. */
const STDIN_FRAME_LIMIT = 64 * 1024;

/** An attachment over a supervisor connection of its own. Whoever reads that connection tells it what comes. */
export class SupervisedAttachment implements Attachment {
  readonly frames: ChunkQueue;
  readonly detached: Promise<boolean>;
  readonly #connection: SupervisorConnection;
  readonly #resolveDetached: (detached: boolean) => void;
  #over = false;

  constructor(connection: SupervisorConnection) {
    this.#connection = connection;
    this.frames = new ChunkQueue(connection);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.detached = promise;
    this.#resolveDetached = resolve;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length && !this.#over; offset += STDIN_FRAME_LIMIT) {
      const piece = chunk.subarray(offset, offset + STDIN_FRAME_LIMIT);
      this.#connection.write(encodeStdinHeader(piece.length));
      await this.#connection.write(piece);
    }
  }

  async end(): Promise<void> {
    if (!this.#over) await this.#connection.write(encodeFrame(supervisorFrames.stdinEnd));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish(false);
    this.#connection.close();
  }

  /** The process has ended, the client was detached, or the connection is gone. */
  finish(detached: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.frames.end();
    this.#resolveDetached(detached);
  }
}
