import { rm } from 'node:fs/promises';
import { conflict, internal, isCode, messageOf, SampanError } from '../../base/errors.ts';
import type { Parts } from '../parts.ts';
import { type Entry, isRunning } from '../record.ts';
import { killRunning } from './stop.ts';
import { transition } from './transition.ts';

export interface Removal {
  readonly force: boolean;
  /** Anonymous volumes too. */
  readonly volumes: boolean;
}

/**
 * Removes a container with everything that is its own. The row says "removing" before anything goes, and goes last: a killed
 * daemon's successor finishes what was begun. Fails in Docker's words.
 */
export async function removeEntry(
  parts: Parts,
  entry: Entry,
  removal: Removal,
  reference: string = entry.id,
): Promise<void> {
  if (entry.removing) throw conflict(`removal of container ${reference} is already in progress`);
  if (!parts.registry.has(entry.id)) return;
  entry.removing = true;
  try {
    await removeStopped(parts, entry, removal);
  } catch (error) {
    entry.removing = false;
    const code = error instanceof SampanError ? error.code : 'internal';
    throw new SampanError(code, `cannot remove container "/${entry.container.name}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** `removing` keeps new starts away, so that one kill is enough unless a start was under way. */
async function removeStopped(parts: Parts, entry: Entry, removal: Removal): Promise<void> {
  for (let done = false; !done; ) {
    await ensureStopped(parts, entry, removal.force);
    done = await entry.lock.run(async () => {
      if (isRunning(entry)) return false;
      await deleteAll(parts, entry, removal.volumes);
      return true;
    });
  }
}

async function ensureStopped(parts: Parts, entry: Entry, force: boolean): Promise<void> {
  await entry.lock.idle();
  if (!isRunning(entry)) return;
  const { status } = entry.container.state;
  if (!force && status === 'paused') throw conflict('container is paused and must be unpaused first');
  if (!force) {
    throw conflict(`container is ${status}: stop the container before removing or force remove`);
  }
  try {
    await killRunning(parts, entry);
  } catch (error) {
    if (isRunning(entry)) throw internal(`could not kill container: ${messageOf(error)}`, { cause: error });
  }
}

/** For a caller that holds the lock of a container that does not run. Each step may have been done before. */
export async function deleteAll(parts: Parts, entry: Entry, volumes: boolean): Promise<void> {
  entry.restarts.cancel();
  transition(parts, entry, { state: { status: 'removing' }, flags: { removeVolumes: volumes } });
  try {
    await Promise.all([
      parts.snapshots.remove(parts.background, entry.id),
      rm(parts.paths.directory(entry.id), { recursive: true, force: true }),
    ]);
  } catch (error) {
    transition(parts, entry, { state: { status: 'dead', error: messageOf(error) } });
    throw internal(`unable to remove filesystem: ${messageOf(error)}`, { cause: error });
  }
  parts.store.delete(entry.id);
  parts.registry.delete(entry);
  parts.endExecs(entry.id);
  if (volumes) await removeAnonymousVolumes(parts, entry);
  entry.attachments.close();
  parts.events.container(entry.container, 'destroy');
  entry.waiters.removed({ code: entry.container.state.exitCode, error: '' });
}

async function removeAnonymousVolumes(parts: Parts, entry: Entry): Promise<void> {
  for (const { anonymous, point } of entry.mounts) {
    if (!anonymous || point.name === undefined) continue;
    try {
      await parts.volumes.remove(parts.background, point.name);
    } catch (error) {
      // Other containers may have borrowed it.
      if (isCode(error, 'conflict') || isCode(error, 'not-found')) continue;
      parts.log.warn('cannot remove an anonymous volume', { volume: point.name, error });
    }
  }
}
