import { type Context, throwIfAborted } from '../base/context.ts';

/** Lets one at a time have a key. */
export class Turns<K> {
  readonly #taken = new Map<K, Promise<void>>();

  isTaken(key: K): boolean {
    return this.#taken.has(key);
  }

  /** Waits until nobody has the key; what it returns gives the key back. */
  async take(context: Context, key: K): Promise<() => void> {
    for (let other = this.#taken.get(key); other !== undefined; other = this.#taken.get(key)) {
      await unlessAborted(context, other);
    }
    throwIfAborted(context);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#taken.set(key, promise);
    return () => {
      if (this.#taken.get(key) === promise) this.#taken.delete(key);
      resolve();
    };
  }
}

async function unlessAborted(context: Context, work: Promise<void>): Promise<void> {
  throwIfAborted(context);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const give = (): void => reject(context.signal.reason);
  context.signal.addEventListener('abort', give);
  try {
    await Promise.race([work, aborted]);
  } finally {
    context.signal.removeEventListener('abort', give);
  }
}
