import { layerId, retryMessage } from '../render/progress.ts';
import type { ProgressWriter } from './progress-writer.ts';

const SECOND = 1000;

/** Counts the seconds down that a layer waits before it is asked for again, until it gets on or all is over. */
export class RetryCountdown implements Disposable {
  readonly #writer: ProgressWriter;
  readonly #timers = new Map<string, Timer>();

  constructor(writer: ProgressWriter) {
    this.#writer = writer;
  }

  start(layer: string, seconds: number): void {
    this.stop(layer);
    this.#writer.message(retryMessage(layerId(layer), seconds));
    if (seconds <= 1) return;
    this.#timers.set(
      layer,
      setTimeout(() => this.start(layer, seconds - 1), SECOND),
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
