import { internal, messageOf } from '../../base/errors.ts';
import type { StopOptions } from '../contract.ts';
import type { Parts } from '../parts.ts';
import { type Entry, isRunning } from '../record.ts';
import { startEntry } from './start.ts';
import { stopRunning } from './stop.ts';

/** Stops what runs, and starts it. AutoRemove waits for an end that is one. */
export async function restartEntry(
  parts: Parts,
  entry: Entry,
  reference: string,
  options: StopOptions,
): Promise<void> {
  try {
    await entry.lock.idle();
    if (isRunning(entry)) {
      entry.restarting = true;
      await stopRunning(parts, entry, options);
    }
    await startEntry(parts, entry);
  } catch (error) {
    throw internal(`Cannot restart container ${reference}: ${messageOf(error)}`, { cause: error });
  } finally {
    entry.restarting = false;
  }
  parts.events.container(entry.container, 'restart');
}
