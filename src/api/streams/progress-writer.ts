import type { BuildEvent } from '../../wire/build-messages.ts';
import type { ProgressMessage } from '../../wire/messages.ts';
import type { Response } from '../http/response.ts';
import { errorLine, progressLine } from '../render/progress.ts';

/** Between two messages on the way of the same transfer. */
const PROGRESS_INTERVAL = 100;

/**
 * The messages of a long operation. The first one sends the head, so that an operation that fails before it can still fail by status; a
 * failure after it is told in a message.
 */
export class ProgressWriter {
  readonly #response: Response;
  #pending: Promise<void> | undefined;
  /** When each transfer was told of last. */
  readonly #lastProgress = new Map<string, number>();

  constructor(response: Response) {
    this.#response = response;
  }

  /** Keeps the order; need not be awaited. */
  message(message: ProgressMessage): void {
    this.#line(progressLine(message));
  }

  /** The same for the events of a build. */
  event(event: BuildEvent): void {
    this.#line(`${JSON.stringify(event)}\r\n`);
  }

  /** May be dropped: when the last one is fresh or the client slow. */
  progress(message: ProgressMessage): void {
    const now = Date.now();
    const { id = '' } = message;
    if (this.#pending !== undefined || now - (this.#lastProgress.get(id) ?? 0) < PROGRESS_INTERVAL) return;
    this.#lastProgress.set(id, now);
    this.message(message);
  }

  error(message: string): void {
    this.#line(errorLine(message));
  }

  /** Resolves when the client's side took everything. Throws ConnectionClosed. */
  async finish(): Promise<void> {
    if (!this.#response.started) this.#line('');
    await this.#pending;
    await this.#response.end();
  }

  #line(text: string): void {
    if (!this.#response.started) this.#watch(this.#response.start(200, 'application/json'));
    this.#watch(this.#response.write(text));
  }

  #watch(writing: Promise<void> | undefined): void {
    if (writing === undefined) return;
    const watched = writing.finally(() => {
      if (this.#pending === watched) this.#pending = undefined;
    });
    // Whoever waits for the end is told; before, there is nobody to tell.
    watched.catch(() => {});
    this.#pending = watched;
  }
}
