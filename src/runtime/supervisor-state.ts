import { readFile } from 'node:fs/promises';
import { isErrno } from '../base/errno.ts';
import { isJsonObject } from '../base/json.ts';
import type { Exit } from './contract.ts';
import { decodeObject, exitOf, startOf } from './supervisor-protocol.ts';

/** What a supervisor wrote down: the process, and its exit once there is one. */
export interface SupervisorState {
  readonly pid: number;
  readonly startedAt: Date;
  readonly exit: Exit | undefined;
}

/** Reads the `stateFile` of a plan's `supervise`; undefined when there is none, so that it never started. */
export async function readSupervisorState(path: string): Promise<SupervisorState | undefined> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const object = decodeObject(bytes);
  const exit = object['exit'];
  return { ...startOf(object), exit: isJsonObject(exit) ? exitOf(exit) : undefined };
}
