import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../base/context.ts';
import { Transient } from './failures.ts';

/** How patient the client is. All times in milliseconds. */
export interface Patience {
  /** Without a byte, or an answer, for this long a connection counts as broken. */
  readonly stall: number;
  /** Tries of the same without getting on. */
  readonly attempts: number;
  /** Before the second try; doubled with each further one. */
  readonly firstDelay: number;
  readonly longestDelay: number;
  /** A registry that asks to wait longer (Retry-After) is not waited for. */
  readonly longestWait: number;
}

export const defaultPatience: Patience = {
  stall: 60_000,
  attempts: 6,
  firstDelay: 500,
  longestDelay: 15_000,
  longestWait: 60_000,
};

/** Counts the failures of one undertaking, and waits between its tries. */
export class Retries {
  readonly #context: Context;
  readonly #patience: Patience;
  #failures = 0;

  constructor(context: Context, patience: Patience) {
    this.#context = context;
    this.#patience = patience;
  }

  /** Resolves when it is time for another try; throws when there shall be none. */
  async wait(error: unknown): Promise<void> {
    this.#context.signal.throwIfAborted();
    if (!(error instanceof Transient)) throw error;
    const { attempts, firstDelay, longestDelay, longestWait } = this.#patience;
    this.#failures++;
    if (this.#failures >= attempts || (error.wait ?? 0) > longestWait) throw error.failure;
    const delay = Math.min(firstDelay * 2 ** (this.#failures - 1), longestDelay);
    this.#context.log.debug('asking a registry again', { after: error.message });
    // Spread out, so that many clients do not come back at once.
    await sleep(error.wait ?? delay * (0.5 + Math.random() / 2), undefined, {
      signal: this.#context.signal,
    }).catch(() => this.#context.signal.throwIfAborted());
  }

  /** The undertaking got on: earlier failures no longer count. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Runs the work until it succeeds or retrying it is pointless. */
export async function retrying<T>(context: Context, patience: Patience, work: () => Promise<T>): Promise<T> {
  const retries = new Retries(context, patience);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await retries.wait(error);
    }
  }
}

/** Milliseconds of a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3). */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
