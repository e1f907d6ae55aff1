import type { Context } from '../../base/context.ts';
import { internal, SampanError } from '../../base/errors.ts';
import { encodeFrame, type Frame, launcherFrames } from '../frames.ts';
import { planError } from '../plan-connection.ts';
import type { Tree, TreePart, TreeReadOptions, TreeStat, TreeWriteOptions } from './contract.ts';
import { decodeParts, decodeStat } from './decode.ts';
import { encodeRequest } from './encode.ts';
import { treeFlags, treeFrames } from './protocol.ts';
import { sendParts } from './send-parts.ts';
import type { TreeSession } from './session.ts';
import { TreeError } from './tree-error.ts';

/** A tree whose requests a launcher process serves. An operation that is given up takes the whole tree with it. */
export class LauncherTree implements Tree {
  readonly #session: TreeSession;
  /** Settles when the verbs that were asked for so far are done. */
  #idle: Promise<unknown> = Promise.resolve();

  constructor(session: TreeSession) {
    this.#session = session;
  }

  async stat(context: Context, path: string, follow: boolean): Promise<TreeStat | undefined> {
    await using _turn = await this.#turn(context);
    await this.#session.send(encodeRequest(treeFrames.stat, follow ? treeFlags.statFollow : 0, path));
    const answer = await this.#answer();
    if (answer.type === treeFrames.found) return decodeStat(answer.payload);
    if (answer.type === treeFrames.nothing) return undefined;
    throw unexpected(answer);
  }

  async *read(
    context: Context,
    path: string,
    options: TreeReadOptions,
  ): AsyncGenerator<TreePart, void, void> {
    await using _turn = await this.#turn(context);
    const flags =
      (options.data ? treeFlags.readData : 0) | (options.crossMounts ? treeFlags.readCrossMounts : 0);
    await this.#session.send(encodeRequest(treeFrames.read, flags, path, options.xattrs));
    let sending = true;
    try {
      while (sending) {
        const answer = await this.#answer();
        if (answer.type === treeFrames.parts) yield* decodeParts(answer.payload);
        else if (answer.type === treeFrames.end) sending = false;
        else throw unexpected(answer);
      }
    } catch (error) {
      sending = false;
      throw error;
    } finally {
      if (sending) await this.#cancelRead();
    }
  }

  async write(
    context: Context,
    path: string,
    parts: AsyncIterable<TreePart>,
    options: TreeWriteOptions,
  ): Promise<void> {
    await using _turn = await this.#turn(context);
    const flags = options.keepKinds ? treeFlags.writeKeepKinds : 0;
    await this.#session.send(encodeRequest(treeFrames.write, flags, path));
    const stop = new AbortController();
    const answered = this.#answer().finally(() => stop.abort());
    const sent = sendParts(this.#session, parts, stop.signal);
    // The session's word comes first: it fails at once, even while the source of the parts has nothing to say, and answers a source that failed.
    sent.catch(() => {});
    const answer = await answered;
    if (answer.type !== treeFrames.end) throw unexpected(answer);
    await sent;
  }

  /** A verb that is at work fails. Waits, but not for long, until the launcher holds nothing of the tree any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.end(new SampanError('unavailable', 'the tree was closed'));
    await this.#session.close();
  }

  /** Waits until the verbs before this one are done. The session ends when the context does before the turn is over. */
  async #turn(context: Context): Promise<AsyncDisposable> {
    const { signal } = context;
    const before = this.#idle;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = promise;
    // A reader that nobody finishes keeps its turn for ever.
    await Promise.race([before, this.#session.ended]);
    const abandon = (): void => this.#session.end(signal.reason);
    signal.addEventListener('abort', abandon);
    const over = (): void => {
      signal.removeEventListener('abort', abandon);
      resolve();
    };
    try {
      signal.throwIfAborted();
      this.#session.throwIfEnded();
    } catch (error) {
      over();
      throw error;
    }
    return { [Symbol.asyncDispose]: async () => over() };
  }

  /** Tells that no more parts are wanted, and passes over those that are on their way. */
  async #cancelRead(): Promise<void> {
    await this.#session.send(encodeFrame(treeFrames.cancel));
    for (;;) {
      const { type } = await this.#session.next();
      if (type !== treeFrames.parts) return;
    }
  }

  async #answer(): Promise<Frame> {
    const frame = await this.#session.next();
    if (frame.type === launcherFrames.failed) throw new TreeError(planError(frame.payload).failure);
    return frame;
  }
}

function unexpected(frame: Frame): Error {
  return internal(`the tree session answered with a frame of type ${frame.type}`);
}
