import { closeSync, openSync, statSync, unlinkSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';

/** In milliseconds. A change takes a few; a lock this old was left by a process that died. */
const STALE_AFTER = 10_000;
const RETRY_AFTER = 10;

/** Does the work while no other process that asks for the same lock does its own. The lock is a file beside the one it is about. */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  while (!tryLock(lock)) await Bun.sleep(RETRY_AFTER);
  try {
    return await work();
  } finally {
    unlinkQuietly(lock);
  }
}

function tryLock(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch (reason) {
    if (!isErrno(reason, 'EEXIST')) throw reason;
    if (ageOf(lock) > STALE_AFTER) unlinkQuietly(lock);
    return false;
  }
}

function ageOf(path: string): number {
  try {
    return Math.abs(Date.now() - statSync(path).mtimeMs);
  } catch {
    return 0;
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another process has found it stale too.
  }
}
