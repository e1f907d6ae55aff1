import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isErrno } from '../base/errno.ts';
import { conflict } from '../base/errors.ts';

/**
 * Says that this process is the daemon. Of several that try at once, one succeeds. Fails with `conflict` while another one, still alive,
 * says so; disposing takes it back.
 */
export async function claimPidFile(path: string): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  // A name that appears together with its content: nobody reads a file that is not written yet.
  const mine = `${path}.${process.pid}`;
  await writeFile(mine, String(process.pid));
  try {
    while (!(await linkOnce(mine, path))) await removeStale(path);
  } finally {
    await unlink(mine);
  }
  return {
    async [Symbol.asyncDispose]() {
      // Somebody may have deleted it to force another daemon's start; what is there then is not ours.
      if ((await ownerOf(path)) === process.pid) await unlink(path);
    },
  };
}

async function linkOnce(existing: string, path: string): Promise<boolean> {
  try {
    await link(existing, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  const owner = await ownerOf(path);
  if (owner !== process.pid && (await isDaemon(owner))) {
    throw conflict(
      `ensure the daemon is not running or delete ${path}: process with PID ${owner} is still running`,
    );
  }
  await unlink(path).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
}

async function ownerOf(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  });
  return Number(text.trim());
}

/** A PID may have been given to another program since: only one that was started as a daemon counts. */
async function isDaemon(pid: number): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes('daemon');
}
