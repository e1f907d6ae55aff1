import type { Pack, PackReader } from '../pack.ts';

/** Bytes that follow those of a pack which somebody else may write to, or which is not there. */
export class FollowingPack implements Disposable {
  readonly #first: Pack | undefined;
  readonly #second: Pack;
  readonly #start: number;

  constructor(first: Pack | undefined, second: Pack) {
    this.#first = first;
    this.#second = second;
    this.#start = first?.size ?? 0;
  }

  /** Of both. */
  get size(): number {
    return this.#start + this.#second.size;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#second.write(bytes);
  }

  finish(): Promise<void> {
    return this.#second.finish();
  }

  /** Nothing that is read together lies in both. */
  reader(): Pick<PackReader, 'read'> {
    const [first, second] = [this.#first?.reader(), this.#second.reader()];
    return {
      read: (offset, length) =>
        first === undefined || offset >= this.#start
          ? second.read(offset - this.#start, length)
          : first.read(offset, length),
    };
  }

  [Symbol.dispose](): void {
    this.#first?.[Symbol.dispose]();
    this.#second[Symbol.dispose]();
  }

  async close(): Promise<void> {
    await this.#first?.close();
    await this.#second.close();
  }
}
