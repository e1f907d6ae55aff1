/** Lets one task at a time through, in the order of asking. */
export class Mutex {
  #tail: Promise<void> | undefined;

  async run<T>(task: () => Promise<T>): Promise<T> {
    const before = this.#tail;
    let release = (): void => {};
    const mine = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#tail = mine;
    if (before !== undefined) await before;
    try {
      return await task();
    } finally {
      if (this.#tail === mine) this.#tail = undefined;
      release();
    }
  }

  /** Resolves once all that was asked for before this call is done. */
  async idle(): Promise<void> {
    if (this.#tail !== undefined) await this.#tail;
  }
}
