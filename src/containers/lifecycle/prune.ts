import type { Context } from '../../base/context.ts';
import { isCode } from '../../base/errors.ts';
import type { Container, PruneResult } from '../contract.ts';
import type { Parts } from '../parts.ts';
import { isRunning } from '../record.ts';
import { removeEntry } from './remove.ts';

/** Removes what does not run and passes the filter. */
export async function pruneContainers(
  parts: Parts,
  context: Context,
  filter: (container: Container) => boolean,
): Promise<PruneResult> {
  const deleted: string[] = [];
  let bytes = 0;
  for (const entry of parts.registry.list()) {
    context.signal.throwIfAborted();
    if (isRunning(entry) || !filter(entry.container)) continue;
    const size = await parts.snapshots.usage(entry.id).catch(() => ({ bytes: 0 }));
    try {
      await removeEntry(parts, entry, { force: false, volumes: false });
    } catch (error) {
      // Started, or being removed by somebody else, meanwhile.
      if (!isCode(error, 'conflict'))
        parts.log.warn('cannot prune a container', { container: entry.id, error });
      continue;
    }
    deleted.push(entry.id);
    bytes += size.bytes;
  }
  parts.events.prune(bytes);
  return { deleted, bytes };
}
