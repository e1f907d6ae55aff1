import { SampanError } from '../../base/errors.ts';
import { type Frame, FrameReader } from '../frames.ts';
import { SupervisorConnection } from '../supervisor-connection.ts';

/** Bytes that wait for the consumer before the session is held up, and when it goes on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;

/** A connection to a tree session: frames in both directions, one consumer, with back-pressure. */
export class TreeSession {
  readonly #reader = new FrameReader();
  #connection: SupervisorConnection | undefined;
  #frames: Frame[] = [];
  #size = 0;
  #paused = false;
  #waiting: PromiseWithResolvers<Frame> | undefined;
  #ended: unknown;
  readonly #over = Promise.withResolvers<void>();

  /** Fails with `unavailable` when no launcher listens there. */
  static async open(socket: string): Promise<TreeSession> {
    const session = new TreeSession();
    try {
      session.#connection = await SupervisorConnection.open(socket, {
        chunk: (bytes) => session.#receive(bytes),
        closed: () => session.end(new SampanError('unavailable', 'the tree session has ended')),
      });
    } catch (cause) {
      throw new SampanError('unavailable', 'the launcher cannot be reached', { cause });
    }
    return session;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends bytes, which must not change before the promise (if there is one) is fulfilled. */
  send(bytes: Uint8Array): Promise<void> | undefined {
    this.throwIfEnded();
    return this.#connection?.write(bytes);
  }

  /** The next frame. Fails with what ended the session. */
  next(): Frame | Promise<Frame> {
    const frame = this.#frames.shift();
    if (frame !== undefined) {
      this.#size -= frame.payload.length;
      if (this.#paused && this.#size <= LOW_WATER) this.#goOn();
      return frame;
    }
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Hangs up, which ends the launcher's process. */
  end(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#over.resolve();
    this.#connection?.close();
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
  }

  /** Fulfilled when the session is over, for whatever reason. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Throws what ended the session, if it has ended. */
  throwIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const frame of this.#reader.push(bytes)) this.#keep(frame);
    } catch (error) {
      this.end(error);
    }
  }

  #keep(frame: Frame): void {
    if (this.#waiting !== undefined) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve(frame);
      return;
    }
    this.#frames.push(frame);
    this.#size += frame.payload.length;
    if (this.#size <= HIGH_WATER || this.#paused) return;
    this.#paused = true;
    this.#connection?.pause();
  }

  #goOn(): void {
    this.#paused = false;
    this.#connection?.resume();
  }
}
