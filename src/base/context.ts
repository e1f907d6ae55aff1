import { type Logger, silentLogger } from './log.ts';

/** What every operation takes: when to give up, and where to say what happens. */
export interface Context {
  /** Aborts with a reason, always. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A context that never gives up. */
export function background(log: Logger = silentLogger): Context {
  return { signal: new AbortController().signal, log };
}

/** Throws the abort reason if the operation was given up. */
export function throwIfAborted(context: Context): void {
  context.signal.throwIfAborted();
}
