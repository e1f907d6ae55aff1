import { mkdir, readFile, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../base/atomic-file.ts';
import { conflict } from '../base/errors.ts';

/** Says that this process is the daemon. Fails with `conflict` while another one, still alive, says so; disposing takes it back. */
export async function claimPidFile(path: string): Promise<AsyncDisposable> {
  const other = Number((await readFile(path, 'utf8').catch(() => '')).trim());
  if (other > 0 && other !== process.pid && (await isDaemon(other))) {
    throw conflict(
      `failed to start daemon, ensure the daemon is not running or delete ${path}: process with PID ${other} is still running`,
    );
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, String(process.pid));
  return {
    async [Symbol.asyncDispose]() {
      await unlink(path).catch(() => {});
    },
  };
}

/** A PID may have been given to another program since: only one that was started as a daemon counts. */
async function isDaemon(pid: number): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes('daemon');
}
