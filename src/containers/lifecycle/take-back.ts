import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { transition } from './transition.ts';

/**
 * Undoes a step of a change that failed. Where that fails too, as with a port that is another program's by then, kernel or supervisor differ from
 * the row until the container's next start or the next daemon, which settles it. Never fails: what is to be told is why the change failed.
 */
export async function takeBack(parts: Parts, entry: Entry, undo: () => Promise<void>): Promise<void> {
  try {
    await undo();
  } catch (error) {
    parts.log.error('cannot take back a change of a container: the next daemon tries again', {
      ...{ container: entry.id, error },
    });
    transition(parts, entry, { flags: { astray: true } });
  }
}
