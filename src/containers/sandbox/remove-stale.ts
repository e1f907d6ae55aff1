import { rm } from 'node:fs/promises';
import type { Parts } from '../parts.ts';
import { cgroupsPath } from '../spec/build-spec.ts';
import { sandboxDirectory, sandboxOf } from './place.ts';

const SIGKILL = 9;

/** Removes the sandboxes that a killed daemon left, with what still runs in them. Before the networks start, so that they take the addresses back. */
export async function removeStaleSandboxes(parts: Parts): Promise<void> {
  const keys: string[] = [];
  for await (const key of parts.snapshots.snapshots()) if (sandboxOf(key) !== undefined) keys.push(key);
  for (const id of new Set(keys.flatMap((key) => sandboxOf(key) ?? []))) {
    try {
      await endProcess(parts, id);
      const own = keys.filter((key) => sandboxOf(key) === id);
      for (const key of own) await parts.snapshots.remove(parts.background, key);
    } catch (error) {
      parts.log.error('cannot remove what a build left', { sandbox: id, error });
    }
    await rm(sandboxDirectory(parts.paths, id), { recursive: true, force: true });
  }
}

async function endProcess({ runtime, background, defaults, log }: Parts, id: string): Promise<void> {
  const found = await runtime.recover(background, id);
  if (found.state === 'running') {
    log.info('ending what a build left running', { sandbox: id });
    // It may end by itself at this moment.
    await found.task.signal(background, SIGKILL).catch(() => {});
    await found.task.exited;
  }
  await runtime.forget(background, id, cgroupsPath(id, '', defaults));
}
