import type { Client } from '../../client/client.ts';
import { killContainer } from '../../client/containers.ts';
import type { Io } from '../io.ts';

const forwarded: readonly NodeJS.Signals[] = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGTERM',
  'SIGCONT',
  'SIGWINCH',
];

/** A user who insists gets out, whatever the container does with its signals. */
const INSISTENCE = 3;

/** Passes this process's signals on to the container until the returned function is called. */
export function forwardSignals(client: Client, id: string, io: Io): () => void {
  let asked = 0;
  return io.onSignals(forwarded, (name) => {
    if ((name === 'SIGINT' || name === 'SIGTERM') && ++asked === INSISTENCE) {
      io.err('\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n');
      process.exit(1);
    }
    // The container may be gone already; then there is nobody to tell.
    killContainer(client, id, name.slice('SIG'.length)).catch(() => {});
  });
}

/** Keeps the size of a container's terminal that of this one until the returned function is called. */
export function followTerminalSize(
  io: Io,
  resize: (rows: number, columns: number) => Promise<void>,
): () => void {
  const update = async (): Promise<boolean> => {
    const size = io.terminalSize();
    if (size === undefined || (size.rows === 0 && size.columns === 0)) return true;
    return resize(size.rows, size.columns).then(
      () => true,
      () => false,
    );
  };
  void untilDone(update).then((done) => {
    if (!done) io.err('failed to resize tty, using default size\n');
  });
  return io.onSignals(['SIGWINCH'], () => void update());
}

/** Right after a start the process may not be there yet. */
async function untilDone(action: () => Promise<boolean>): Promise<boolean> {
  if (await action()) return true;
  for (let attempt = 1; attempt <= 10; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, attempt * 10));
    if (await action()) return true;
  }
  return false;
}
