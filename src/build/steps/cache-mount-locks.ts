interface Lock {
  /** How many hold it. */
  users: number;
  isExclusive: boolean;
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly sharing: 'shared' | 'locked';
  readonly called: () => void;
}

/** Who uses which cache mount, by its row's ID: many that share it, or one alone. Whoever waits gets it in the order of asking. */
export class CacheMountLocks {
  readonly #locks = new Map<string, Lock>();

  isHeld(id: string): boolean {
    return (this.#locks.get(id)?.users ?? 0) > 0;
  }

  /** Takes what nobody uses. */
  tryExclusive(id: string): boolean {
    if (this.#locks.has(id)) return false;
    this.#locks.set(id, { users: 1, isExclusive: true, waiting: [] });
    return true;
  }

  /** Fails with the signal's reason when that is given first. */
  async acquire(signal: AbortSignal, id: string, sharing: 'shared' | 'locked'): Promise<void> {
    signal.throwIfAborted();
    const lock = this.#locks.get(id) ?? { users: 0, isExclusive: false, waiting: [] };
    this.#locks.set(id, lock);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { sharing, called: resolve };
    const givenUp = (): void => {
      const index = lock.waiting.indexOf(waiting);
      if (index < 0) return;
      lock.waiting.splice(index, 1);
      this.#callNext(id, lock);
      reject(signal.reason);
    };
    lock.waiting.push(waiting);
    this.#callNext(id, lock);
    signal.addEventListener('abort', givenUp, { once: true });
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', givenUp);
    }
  }

  release(id: string): void {
    const lock = this.#locks.get(id);
    if (lock === undefined) return;
    lock.users--;
    this.#callNext(id, lock);
  }

  #callNext(id: string, lock: Lock): void {
    if (lock.users === 0) lock.isExclusive = false;
    for (let next = lock.waiting[0]; next !== undefined; next = lock.waiting[0]) {
      if (lock.isExclusive || (lock.users > 0 && next.sharing === 'locked')) break;
      lock.waiting.shift();
      lock.users++;
      lock.isExclusive = next.sharing === 'locked';
      next.called();
    }
    if (lock.users === 0 && lock.waiting.length === 0) this.#locks.delete(id);
  }
}
