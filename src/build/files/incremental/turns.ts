/** Lets one after the other at what a key stands for, in the order in which they came. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  has(key: string): boolean {
    return this.#last.has(key);
  }

  /** Fulfilled when it is the caller's turn, with what ends it. Whoever is given up while waiting has none. */
  async take(signal: AbortSignal, key: string): Promise<() => void> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const mine = before.then(() => over);
    this.#last.set(key, mine);
    void mine.then(() => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    });
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(signal.reason);
    signal.addEventListener('abort', leave);
    try {
      signal.throwIfAborted();
      await Promise.race([before, left.promise]);
      return resolve;
    } catch (error) {
      resolve();
      throw error;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}
