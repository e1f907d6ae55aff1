import { layerId, retryMessage } from '../render/progress.ts';
import type { ProgressWriter } from './progress-writer.ts';

/** Counts the seconds down that a layer waits before it is asked for again, until it gets on or all is over. */
export class RetryCountdown implements Disposable {
  readonly #writer: Pick<ProgressWriter, 'message'>;
  /** Milliseconds. */
  readonly #second: number;
  readonly #timers = new Map<string, Timer>();

  constructor(writer: Pick<ProgressWriter, 'message'>, second = 1000) {
    this.#writer = writer;
    this.#second = second;
  }

  start(layer: string, seconds: number): void {
    this.stop(layer);
    this.#writer.message(retryMessage(layerId(layer), seconds));
    if (seconds <= 1) return;
    this.#timers.set(
      layer,
      setTimeout(() => this.start(layer, seconds - 1), this.#second),
    );
  }

  stop(layer: string): void {
    clearTimeout(this.#timers.get(layer));
    this.#timers.delete(layer);
  }

  [Symbol.dispose](): void {
    for (const layer of [...this.#timers.keys()]) this.stop(layer);
  }
}
