import { SampanError } from './errors.ts';
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

/** The same operation, given up after `milliseconds` as well. */
export function withTimeout(context: Context, milliseconds: number, what: string): Context {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new SampanError('unavailable', `${what} took longer than ${milliseconds} ms`)),
    milliseconds,
  );
  timer.unref?.();
  return { ...context, signal: AbortSignal.any([context.signal, timeout.signal]) };
}

/** Throws the abort reason if the operation was given up. */
export function throwIfAborted(context: Context): void {
  context.signal.throwIfAborted();
}
