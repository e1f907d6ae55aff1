/** What was found out lately, by what it follows from: the last used stay. */
export class Remembered<T> {
  readonly #limit: number;
  readonly #known = new Map<string, T>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** What is known, or is found out now. */
  async get(key: string, find: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key);
    const found = known ?? (await find());
    this.#known.delete(key);
    this.#known.set(key, found);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#limit && oldest !== undefined) this.#known.delete(oldest);
    return found;
  }
}
