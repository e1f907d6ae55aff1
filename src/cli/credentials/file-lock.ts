import { closeSync, fstatSync, openSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';

/** In milliseconds. A change takes a few; a lock this old was left by a process that died. */
const STALE_AFTER = 10_000;
const RETRY_AFTER = 10;

/** Does the work while no other process that asks for the same lock does its own. The lock is a file beside the one it is about. */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  let own = tryLock(lock);
  for (; own === undefined; own = tryLock(lock)) await Bun.sleep(RETRY_AFTER);
  try {
    return await work();
  } finally {
    // Whoever has found it stale meanwhile has one of its own there.
    if (instanceOf(lock) === own) unlinkQuietly(lock);
  }
}

/**
 * The lock that is there now, if it is ours. Of several that find the same old one, the one takes its place that gets the right to do so,
 * which is a lock itself: it is named after the old one, so there is one right for each. The last look at the old lock comes after that,
 * because the right may have been used already, and is there to be had again.
 */
function tryLock(lock: string): string | undefined {
  const own = create(lock);
  if (own !== undefined) return own;
  const old = staleInstanceOf(lock);
  if (old === undefined) return undefined;
  const right = `${lock}.${old}`;
  const successor = tryLock(right);
  if (successor === undefined) return undefined;
  if (instanceOf(lock) === old) {
    renameSync(right, lock);
    return successor;
  }
  unlinkQuietly(right);
  return undefined;
}

/** Undefined when there is one already. */
function create(lock: string): string | undefined {
  try {
    const file = openSync(lock, 'wx', 0o600);
    try {
      return nameOf(fstatSync(file));
    } finally {
      closeSync(file);
    }
  } catch (reason) {
    if (isErrno(reason, 'EEXIST')) return undefined;
    throw reason;
  }
}

function staleInstanceOf(lock: string): string | undefined {
  const found = statSync(lock, { throwIfNoEntry: false });
  if (found === undefined || Math.abs(Date.now() - found.mtimeMs) <= STALE_AFTER) return undefined;
  return nameOf(found);
}

function instanceOf(lock: string): string | undefined {
  const found = statSync(lock, { throwIfNoEntry: false });
  return found && nameOf(found);
}

/** The number of a file that is gone may be another's soon, but not at the same time. */
function nameOf({ ino, mtimeMs }: Stats): string {
  return `${ino}-${Math.trunc(mtimeMs * 1_000)}`;
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (reason) {
    if (!isErrno(reason, 'ENOENT')) throw reason;
  }
}
