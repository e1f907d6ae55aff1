import type { Client } from '../../client/client.ts';
import {
  attachContainer,
  inspectContainer,
  resizeContainer,
  startContainer,
  waitContainer,
} from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { followTerminalSize, forwardSignals } from '../container/signals.ts';
import { runStreams } from '../container/stream-session.ts';
import { exitOf } from '../container/wait-exit.ts';
import { messageOfFailure } from '../failure.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import type { Session } from '../session.ts';

export const command = defineCommand({
  flags: {
    attach: flag(bool(), 'a', 'Show output and pass signals on'),
    checkpoint: flag(text(), '', 'Go on from this checkpoint', { hidden: true }),
    'checkpoint-dir': flag(text(), '', 'Folder of checkpoints', { hidden: true }),
    'detach-keys': flag(text(), '', 'Keys that detach from the container'),
    interactive: flag(bool(), 'i', 'Send it standard input'),
  },
  args: { atLeast: 1 },
  async run({ args, options, session }) {
    const attaches = options.attach || options.interactive;
    if (attaches && args.length > 1) {
      throw new CommandError('you cannot start and attach multiple containers at once');
    }
    if (options.checkpoint !== '' && args.length > 1) {
      throw new CommandError('you cannot restore multiple containers at once');
    }
    const client = await session.client();
    const [first = ''] = args;
    const checkpoint = { checkpoint: options.checkpoint, checkpointDir: options['checkpoint-dir'] };
    if (attaches) {
      const detachKeys = options['detach-keys'] || session.config.detachKeys;
      return startAttached(session, client, first, { ...checkpoint, detachKeys, stdin: options.interactive });
    }
    if (options.checkpoint !== '') await startContainer(client, first, checkpoint);
    else await startEach(session, client, args);
    return 0;
  },
});

async function startEach(session: Session, client: Client, names: readonly string[]): Promise<void> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await startContainer(client, name);
      session.io.out(`${name}\n`);
    } catch (reason) {
      session.io.err(`${messageOfFailure(reason, session.address.host)}\n`);
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new CommandError(`Error: failed to start containers: ${failed.join(', ')}`);
}

interface AttachedStart {
  readonly stdin: boolean;
  readonly detachKeys: string;
  readonly checkpoint: string;
  readonly checkpointDir: string;
}

async function startAttached(
  session: Session,
  client: Client,
  name: string,
  choice: AttachedStart,
): Promise<number> {
  const { io } = session;
  const { Id, Config, HostConfig } = await inspectContainer(client, name);
  const stopForwarding = Config.Tty ? () => {} : forwardSignals(client, Id, io);
  const stdin = choice.stdin && Config.OpenStdin;
  const streams = { stdin, stdout: true, stderr: true, detachKeys: choice.detachKeys };
  const hijacked = await attachContainer(client, Id, { ...streams, stream: true });
  try {
    const { exited } = await waitContainer(client, Id, HostConfig.AutoRemove ? 'removed' : 'next-exit');
    const status = exitOf(exited, io);
    const running = runStreams(hijacked, io, { ...streams, tty: Config.Tty });
    running.catch(() => {});
    await startContainer(client, Id, choice).catch(async (reason: unknown) => {
      hijacked.close();
      await running.catch(() => {});
      if (HostConfig.AutoRemove) await status;
      throw reason;
    });
    const stopFollowing =
      Config.Tty && io.stdoutIsTerminal
        ? followTerminalSize(io, (rows, columns) => resizeContainer(client, Id, rows, columns))
        : () => {};
    const end = await running.finally(stopFollowing);
    return end === 'detached' ? 0 : await status;
  } finally {
    stopForwarding();
    hijacked.close();
  }
}
