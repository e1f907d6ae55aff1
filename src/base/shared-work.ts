import type { Context } from './context.ts';
import { SampanError } from './errors.ts';

/** Work that several may ask for at the same moment and that is done once for all of them. It is given up when nobody waits for it any more. */
export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /** The result of `work`, or of the one that is under way for the same key. */
  async run(context: Context, key: string, work: (context: Context) => Promise<T>): Promise<T> {
    context.signal.throwIfAborted();
    const running = this.#running.get(key) ?? this.#start(context, key, work);
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(context.signal.reason);
    context.signal.addEventListener('abort', leave);
    running.waiting++;
    try {
      return await Promise.race([running.result, left.promise]);
    } finally {
      context.signal.removeEventListener('abort', leave);
      if (--running.waiting === 0) await this.#giveUp(key, running);
    }
  }

  #start(context: Context, key: string, work: (context: Context) => Promise<T>): Running<T> {
    const stop = new AbortController();
    const result = work({ ...context, signal: stop.signal });
    const running = { result, stop, waiting: 0 };
    this.#running.set(key, running);
    const forget = (): void => this.#forget(key, running);
    result.then(forget, forget);
    return running;
  }

  /** The last to leave waits until nothing is at work any more. */
  async #giveUp(key: string, running: Running<T>): Promise<void> {
    this.#forget(key, running);
    running.stop.abort(new SampanError('cancelled', 'nobody waits for it any more'));
    await running.result.catch(() => {});
  }

  #forget(key: string, running: Running<T>): void {
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}

interface Running<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiting: number;
}
