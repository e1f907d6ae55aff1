import { SampanError } from '../base/errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { Lease } from './contract.ts';

/**
 * What keeps blobs from collection besides their owners' roots, and what keeps a deletion and a commit of the same
 * blob apart: every store shares these rules.
 */
export class Holds {
  readonly #leased = new Map<Digest, number>();
  readonly #deleting = new Map<Digest, Promise<void>>();

  lease(): Lease {
    const held = new Set<Digest>();
    let open = true;
    return {
      hold: (digest) => {
        if (!open) throw new SampanError('internal', `the lease that should hold ${digest} has ended`);
        if (held.has(digest)) return;
        held.add(digest);
        this.#count(digest, 1);
      },
      [Symbol.dispose]: () => {
        open = false;
        for (const digest of held) this.#count(digest, -1);
        held.clear();
      },
    };
  }

  isHeld(digest: Digest): boolean {
    return this.#leased.has(digest);
  }

  /** Runs `work` with the blob held, once no deletion of it is under way. */
  async holding<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    this.#count(digest, 1);
    try {
      await this.settled(digest);
      return await work();
    } finally {
      this.#count(digest, -1);
    }
  }

  /** Waits for a deletion that is under way. */
  async settled(digest: Digest): Promise<void> {
    await this.#deleting.get(digest);
  }

  /** Runs `remove` so that whoever needs to know whether the blob exists waits for it. */
  async deleting(digest: Digest, remove: () => Promise<void>): Promise<void> {
    const earlier = this.#deleting.get(digest);
    const removal = (earlier ?? Promise.resolve()).then(remove);
    // Those who wait only want it over; the caller hears of a failure.
    const settled = removal.catch(() => {});
    this.#deleting.set(digest, settled);
    try {
      await removal;
    } finally {
      if (this.#deleting.get(digest) === settled) this.#deleting.delete(digest);
    }
  }

  #count(digest: Digest, by: 1 | -1): void {
    const count = (this.#leased.get(digest) ?? 0) + by;
    if (count > 0) this.#leased.set(digest, count);
    else this.#leased.delete(digest);
  }
}
