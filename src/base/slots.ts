/** Lets so many work at once; the others wait in the order in which they came. The number may change while they do. */
export class Slots {
  readonly #limit: () => number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Whether the next one would have to wait. */
  get areTaken(): boolean {
    return this.#taken >= Math.max(1, this.#limit());
  }

  /** Runs the work in a slot of its own. Whoever is given up while waiting never starts. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    while (this.areTaken) await this.#turn(signal);
    // The turn passes on from whoever was given up at the moment of being called.
    if (signal.aborted) this.#waiting.shift()?.();
    signal.throwIfAborted();
    this.#taken++;
    try {
      return await work();
    } finally {
      this.#taken--;
      this.#waiting.shift()?.();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const called = (): void => {
        signal.removeEventListener('abort', givenUp);
        resolve();
      };
      const givenUp = (): void => {
        const index = this.#waiting.indexOf(called);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(signal.reason);
      };
      this.#waiting.push(called);
      signal.addEventListener('abort', givenUp, { once: true });
    });
  }
}
