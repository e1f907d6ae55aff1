import { conflict, isCode } from '../../base/errors.ts';
import type { Task } from '../../runtime/contract.ts';
import { type Entry, isRunning } from '../record.ts';

/** Docker's words for verbs that do not fit the state that a container is in. All are `conflict`. */
export function notRunning(id: string): Error {
  return conflict(`container ${id} is not running`);
}

/** What to say when a supervisor failed: one that has hung up, or was not found, had a container that has ended. */
export function orNotRunning(error: unknown, id: string): unknown {
  return isCode(error, 'not-found') ? notRunning(id) : error;
}

export function isRestarting(id: string): Error {
  return conflict(`Container ${id} is restarting, wait until the container is running`);
}

/** The task of a container that runs or is paused. Fails when it does neither. */
export function runningTask(entry: Entry): Task {
  if (!isRunning(entry)) throw notRunning(entry.id);
  if (entry.task === undefined) throw isRestarting(entry.id);
  return entry.task;
}
