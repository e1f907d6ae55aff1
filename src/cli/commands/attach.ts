import type { Client } from '../../client/client.ts';
import {
  attachContainer,
  inspectContainer,
  resizeContainer,
  waitContainer,
} from '../../client/containers.ts';
import type { ContainerInspect } from '../../wire/container-types.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { followTerminalSize, forwardSignals } from '../container/signals.ts';
import { runStreams } from '../container/stream-session.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import type { Session } from '../session.ts';

export const command = defineCommand({
  flags: {
    'detach-keys': flag(text(), '', 'Keys that detach from the container'),
    'no-stdin': flag(bool(), '', 'Do not send standard input'),
    'sig-proxy': flag(bool(true), '', 'Pass signals on to the process'),
  },
  args: { exactly: 1 },
  async run({ args, options, session }) {
    const [name = ''] = args;
    const { io } = session;
    const client = await session.client();
    // Begun before anything else, so that an exit in between is not missed.
    const waiting = waitContainer(client, name);
    waiting.catch(() => {});
    const { Config } = await runningContainer(client, name);
    const stdin = !options['no-stdin'] && Config.OpenStdin;
    if (!options['no-stdin'] && Config.Tty && !io.stdinIsTerminal) {
      throw new CommandError('the input device is not a TTY');
    }
    const detachKeys = options['detach-keys'] || session.config.detachKeys;
    const stopForwarding = options['sig-proxy'] && !Config.Tty ? forwardSignals(client, name, io) : () => {};
    const streams = { stdin, stdout: true, stderr: true, detachKeys };
    const hijacked = await attachContainer(client, name, { ...streams, stream: true });
    try {
      await runningContainer(client, name);
      const stopFollowing =
        Config.Tty && io.stdoutIsTerminal ? await showPrompt(session, client, name) : () => {};
      const end = await runStreams(hijacked, io, { ...streams, tty: Config.Tty }).finally(stopFollowing);
      if (end === 'detached') throw new CommandError('read escape sequence');
    } finally {
      stopForwarding();
      hijacked.close();
    }
    const { Error: failure, StatusCode } = await (await waiting).exited;
    if (failure?.Message) throw new CommandError(failure.Message);
    return StatusCode;
  },
});

async function runningContainer(client: Client, name: string): Promise<ContainerInspect> {
  const container = await inspectContainer(client, name);
  const { Running, Paused, Restarting } = container.State;
  if (!Running) throw new CommandError('You cannot attach to a stopped container, start it first');
  if (Paused) throw new CommandError('You cannot attach to a paused container, unpause it first');
  if (Restarting) {
    throw new CommandError('You cannot attach to a restarting container, wait until it is running');
  }
  return container;
}

/** A shell draws its prompt again only when the size changes: so it is made to change. */
async function showPrompt(session: Session, client: Client, name: string): Promise<() => void> {
  const size = session.io.terminalSize();
  if (size !== undefined)
    await resizeContainer(client, name, size.rows + 1, size.columns + 1).catch(() => {});
  return followTerminalSize(session.io, (rows, columns) => resizeContainer(client, name, rows, columns));
}
