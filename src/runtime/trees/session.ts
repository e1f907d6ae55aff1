import { SampanError } from '../../base/errors.ts';
import { type Frame, FrameReader } from '../frames.ts';
import { SupervisorConnection } from '../supervisor-connection.ts';

/** Bytes that wait for the consumer before the session is held up, and when it goes on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;

/** How long a launcher's process may take to go: a filesystem that somebody else serves may hold it. */
const GOODBYE_MS = 2000;

/** A connection to a tree session: frames in both directions, one consumer, with back-pressure. */
export class TreeSession {
  readonly #reader = new FrameReader();
  #connection: SupervisorConnection | undefined;
  #frames: Frame[] = [];
  #size = 0;
  #paused = false;
  #waiting: PromiseWithResolvers<Frame> | undefined;
  #reason: unknown;
  readonly #ended = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();

  /** Fails with `unavailable` when no launcher listens there. */
  static async open(socket: string): Promise<TreeSession> {
    const session = new TreeSession();
    try {
      session.#connection = await SupervisorConnection.open(socket, {
        chunk: (bytes) => session.#receive(bytes),
        closed: () => session.#hungUp(),
      });
    } catch (cause) {
      throw new SampanError('unavailable', 'the launcher cannot be reached', { cause });
    }
    return session;
  }

  /** Fulfilled when the session has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Throws what ended the session, if it has ended. */
  throwIfEnded(): void {
    if (this.#reason !== undefined) throw this.#reason;
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
    if (this.#reason !== undefined) return Promise.reject(this.#reason);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Ends the session: the launcher kills its process. */
  end(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#frames = [];
    this.#fail(reason);
    // What still comes is passed over, so that the hanging up is heard.
    this.#goOn();
    this.#connection?.finish();
  }

  /** Waits, but not for long, until the process is gone and holds nothing of the tree any more. To be called when the session has ended. */
  async close(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, GOODBYE_MS);
    await Promise.race([this.#closed.promise, late.promise]);
    clearTimeout(timer);
    this.#connection?.close();
  }

  /** What came before is still there to be taken: it may say why. */
  #hungUp(): void {
    this.#closed.resolve();
    if (this.#reason === undefined) this.#fail(new SampanError('unavailable', 'the tree session has ended'));
  }

  #fail(reason: unknown): void {
    this.#reason = reason;
    this.#waiting?.reject(reason);
    this.#waiting = undefined;
    this.#ended.resolve();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#reason !== undefined) return;
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
