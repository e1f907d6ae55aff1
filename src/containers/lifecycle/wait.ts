import type { Context } from '../../base/context.ts';
import type { WaitCondition, WaitResult } from '../contract.ts';
import { type Entry, isRunning } from '../record.ts';

/** Joined at once, so that nothing is missed between asking and waiting. */
export function waitFor(context: Context, entry: Entry, condition: WaitCondition): Promise<WaitResult> {
  if (condition === 'removed') return entry.waiters.removal(context.signal);
  if (condition === 'not-running' && !isRunning(entry)) {
    return Promise.resolve({ code: entry.container.state.exitCode, error: '' });
  }
  return entry.waiters.nextExit(context.signal);
}
