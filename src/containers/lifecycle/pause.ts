import { conflict, internal, messageOf } from '../../base/errors.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { isAlive } from './is-alive.ts';
import { notRunning, runningTask } from './state-errors.ts';
import { transition } from './transition.ts';

export function pauseEntry(parts: Parts, entry: Entry): Promise<void> {
  return entry.lock.run(async () => {
    const task = runningTask(entry);
    if (entry.container.state.status === 'paused') throw conflict(`Container ${entry.id} is already paused`);
    try {
      await task.pause(parts.background);
    } catch (error) {
      // Its end may not have been dealt with yet.
      if (!(await isAlive(task, parts.background))) throw notRunning(entry.id);
      throw internal(`cannot pause container ${entry.id}: ${messageOf(error)}`, { cause: error });
    }
    transition(parts, entry, { state: { status: 'paused' } });
    parts.events.container(entry.container, 'pause');
    parts.health.follow(parts, entry);
  });
}

export function unpauseEntry(parts: Parts, entry: Entry): Promise<void> {
  return entry.lock.run(async () => {
    if (entry.container.state.status !== 'paused') throw internal(`Container ${entry.id} is not paused`);
    try {
      await runningTask(entry).resume(parts.background);
    } catch (error) {
      throw internal(`Cannot unpause container ${entry.id}: ${messageOf(error)}`, { cause: error });
    }
    transition(parts, entry, { state: { status: 'running' } });
    parts.events.container(entry.container, 'unpause');
    parts.health.follow(parts, entry);
  });
}
