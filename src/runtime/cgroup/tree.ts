import { readdirSync, rmdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { readText } from './setting.ts';

/** The directory and all below it, deepest first; nothing when it is missing. */
function subtree(directory: string): string[] {
  let children: string[];
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    children = entries.filter((entry) => entry.isDirectory()).map((entry) => `${directory}/${entry.name}`);
  } catch {
    return [];
  }
  return [...children.flatMap(subtree), directory];
}

/** Host PIDs in a directory of a hierarchy and below. */
export function processesBelow(directory: string): number[] {
  return subtree(directory).flatMap((group) =>
    (readText(`${group}/cgroup.procs`) ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map(Number),
  );
}

const KILL_ROUNDS = 200;
const ROUND_MILLISECONDS = 10;

/** Kills what is in `directory` until nothing is, for about two seconds. */
export async function killBelow(context: Context, directory: string): Promise<void> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const pids = processesBelow(directory);
    if (pids.length === 0) return;
    for (const pid of pids) killProcess(pid);
    await sleep(ROUND_MILLISECONDS, undefined, { signal: context.signal });
  }
  throw new SampanError('unavailable', `processes in ${directory} do not end`);
}

function killProcess(pid: number): void {
  try {
    // 0 would be this process's own group: what another PID namespace hides.
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Removes a directory of a hierarchy with those below it; missing ones are fine, as are ones that just got a process. */
export function removeTree(directory: string): void {
  for (const group of subtree(directory)) {
    try {
      rmdirSync(group);
    } catch {
      // Whoever still uses it removes it, or the next forget does.
    }
  }
}

/** Asks `done` until it holds, for about two seconds. */
export async function waitUntil(context: Context, done: () => boolean): Promise<boolean> {
  const deadline = performance.now() + 2000;
  while (!done()) {
    if (performance.now() > deadline) return false;
    await sleep(1, undefined, { signal: context.signal });
  }
  return true;
}
