import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../base/context.ts';
import { Transient } from './failures.ts';

/** How patient the client is. All times in milliseconds. */
export interface Patience {
  /** Without a byte, or an answer, for this long a connection counts as broken. */
  readonly stall: number;
  /** Tries of the same without getting on. */
  readonly attempts: number;
  /** Before the second try; three times as long with each further one. */
  readonly firstDelay: number;
  readonly longestDelay: number;
  /** A registry that asks to wait longer (Retry-After) is not waited for. */
  readonly longestWait: number;
}

export const defaultPatience: Patience = {
  stall: 60_000,
  attempts: 5,
  firstDelay: 1_000,
  longestDelay: 20_000,
  longestWait: 60_000,
};

/** Counts the failures of one undertaking, and waits between its tries. */
export class Retries {
  readonly #context: Context;
  readonly #patience: Patience;
  readonly #onRetry: ((seconds: number) => void) | undefined;
  #failures = 0;

  /** `onRetry` hears how many seconds are left of each wait, at its beginning and with each second. */
  constructor(context: Context, patience: Patience, onRetry?: (seconds: number) => void) {
    this.#context = context;
    this.#patience = patience;
    this.#onRetry = onRetry;
  }

  /** Resolves when it is time for another try; throws when there shall be none. */
  async wait(error: unknown): Promise<void> {
    this.#context.signal.throwIfAborted();
    if (!(error instanceof Transient)) throw error;
    const { attempts, firstDelay, longestDelay, longestWait } = this.#patience;
    this.#failures++;
    if (this.#failures >= attempts || (error.wait ?? 0) > longestWait) throw error.failure;
    const delay = Math.min(firstDelay * 3 ** (this.#failures - 1), longestDelay);
    this.#context.log.debug('asking a registry again', { after: error.message });
    // Spread out, so that many clients do not come back at once.
    await this.#countDown(error.wait ?? delay * (0.5 + Math.random() / 2));
  }

  async #countDown(milliseconds: number): Promise<void> {
    const { signal } = this.#context;
    const whole = this.#onRetry === undefined ? 0 : Math.max(Math.ceil(milliseconds / 1_000) - 1, 0);
    for (let left = whole; left >= 0; left--) {
      this.#onRetry?.(left + 1);
      const step = left === whole ? milliseconds - whole * 1_000 : 1_000;
      await sleep(step, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** The undertaking got on: earlier failures no longer count. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Runs the work until it succeeds or retrying it is pointless. */
export async function retrying<T>(
  context: Context,
  patience: Patience,
  work: () => Promise<T>,
  onRetry?: (seconds: number) => void,
): Promise<T> {
  const retries = new Retries(context, patience, onRetry);
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
