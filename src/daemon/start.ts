import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_SOCKET } from '../base/default-socket.ts';
import { SampanError } from '../base/errors.ts';
import { isListening } from '../base/unix-socket.ts';
import { settings } from './settings.ts';

const PATIENCE_MS = 15_000;
const OTHERS_START_MS = 2_000;

/**
 * Starts a daemon with the built-in settings in the background, and resolves once it answers on the default socket. Its log is
 * daemon.log in the data root. Fails with `unavailable`, naming the log.
 */
export async function startDaemon(): Promise<void> {
  const directory = settings.dataRoot.default;
  mkdirSync(directory, { recursive: true, mode: 0o710 });
  const logPath = join(directory, 'daemon.log');
  const log = openSync(logPath, 'a', 0o640);
  const [program = '', ...args] = ownCommand();
  const daemon = spawn(program, [...args, 'daemon'], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log],
  });
  daemon.unref();
  let deadline = Date.now() + PATIENCE_MS;
  // One that ends at once may have found another command line's daemon starting: that one is waited for.
  daemon.once('exit', () => {
    deadline = Math.min(deadline, Date.now() + OTHERS_START_MS);
  });
  while (!(await isListening(DEFAULT_SOCKET))) {
    if (Date.now() > deadline)
      throw new SampanError('unavailable', `the daemon did not start: see ${logPath}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** How this program was called: the one executable, or Bun with the entry point of the source tree. */
function ownCommand(): string[] {
  return Bun.main.startsWith('/$bunfs/') ? [process.execPath] : [process.execPath, Bun.main];
}
