import type { Parts } from '../parts.ts';
import { type Entry, isRunning } from '../record.ts';
import { stopRunning } from './stop.ts';

/** Stops every container that runs, all at once, each within its own stop timeout and `seconds`. */
export async function stopAll(parts: Parts, seconds: number): Promise<void> {
  const running = parts.registry.list().filter(isRunning);
  await Promise.all(running.map((entry) => stopForShutdown(parts, entry, seconds)));
}

async function stopForShutdown(parts: Parts, entry: Entry, limit: number): Promise<void> {
  const own = entry.container.config.StopTimeout ?? undefined;
  const timeout = own === undefined || own < 0 ? limit : Math.min(own, limit);
  try {
    await stopRunning(parts, entry, { timeout, signal: '' });
  } catch (error) {
    parts.log.error('cannot stop a container for the shutdown', { container: entry.id, error });
  }
}
