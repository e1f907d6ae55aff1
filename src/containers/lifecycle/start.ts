import { conflict, SampanError } from '../../base/errors.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { autoRemove, watchTask } from './exit.ts';
import { launch } from './launch.ts';

/** Starts a container because somebody asked. Fails with `not-modified` when it runs already. */
export async function startEntry(parts: Parts, entry: Entry): Promise<void> {
  let launching = false;
  try {
    await entry.lock.run(async () => {
      checkStartable(parts, entry);
      launching = true;
      entry.restarts.reset();
      watchTask(parts, entry, await launch(parts, entry, true));
    });
  } catch (error) {
    if (launching && entry.container.hostConfig.AutoRemove) await autoRemove(parts, entry);
    throw error;
  }
}

function checkStartable(parts: Parts, entry: Entry): void {
  const { status } = entry.container.state;
  if (status === 'paused') throw conflict('cannot start a paused container, try unpause instead');
  if (status === 'running' || status === 'restarting') {
    throw new SampanError('not-modified', 'container is already running');
  }
  if (entry.removing || status === 'removing' || status === 'dead') {
    throw conflict('container is marked for removal and cannot be started');
  }
  if (parts.phase() !== 'open') throw new SampanError('unavailable', 'the daemon is shutting down');
}
