import type { Client } from '../../client/client.ts';
import { inspectContainer } from '../../client/containers.ts';
import {
  attachExec,
  createExec,
  type ExecBody,
  inspectExec,
  resizeExec,
  startExec,
} from '../../client/execs.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { checkEnvironment } from '../container/checks.ts';
import { readKeyValueFiles } from '../container/key-value-files.ts';
import { followTerminalSize } from '../container/signals.ts';
import { runStreams } from '../container/stream-session.ts';
import { flag } from '../flag.ts';
import { bool, list, text } from '../flag-types.ts';
import type { Session } from '../session.ts';

export const command = defineCommand({
  flags: {
    detach: flag(bool(), 'd', 'Leave the command to itself'),
    'detach-keys': flag(text(), '', 'Keys that detach from the container'),
    env: flag(list(checkEnvironment), 'e', 'Set environment variables'),
    'env-file': flag(list(), '', 'Set the environment variables of a file'),
    interactive: flag(bool(), 'i', 'Keep standard input open'),
    privileged: flag(bool(), '', 'Give the command all privileges'),
    tty: flag(bool(), 't', 'Give the command a terminal'),
    user: flag(text(), 'u', 'User name or ID ("<name|uid>[:<group|gid>]")'),
    workdir: flag(text(), 'w', 'Working directory'),
  },
  args: { atLeast: 2 },
  interspersed: false,
  async run({ args, options, session }) {
    const [container = '', ...words] = args;
    const env = [...readKeyValueFiles(options['env-file'], (key) => process.env[key]), ...options.env];
    const size = session.io.terminalSize();
    const consoleSize: [number, number] = [size?.rows ?? 0, size?.columns ?? 0];
    const body: ExecBody = {
      User: options.user,
      Privileged: options.privileged,
      Tty: options.tty,
      ...(options.tty ? { ConsoleSize: consoleSize } : {}),
      AttachStdin: options.interactive && !options.detach,
      AttachStderr: !options.detach,
      AttachStdout: !options.detach,
      Detach: options.detach,
      DetachKeys: options['detach-keys'] || session.config.detachKeys,
      Env: env.length === 0 ? null : env,
      WorkingDir: options.workdir,
      Cmd: words,
    };
    const client = await session.client();
    // Asked first: that a container is missing matters more than a missing terminal, and an exec that never starts stays in the daemon.
    await inspectContainer(client, container);
    if (!options.detach && body.AttachStdin && options.tty && !session.io.stdinIsTerminal) {
      throw new CommandError('the input device is not a TTY');
    }
    const { Id } = await createExec(client, container, body);
    if (Id === '') throw new CommandError('exec ID empty');
    const start = {
      Detach: options.detach,
      Tty: options.tty,
      ...(options.tty ? { ConsoleSize: consoleSize } : {}),
    };
    if (options.detach) {
      await startExec(client, Id, start);
      return 0;
    }
    return runAttached(session, client, Id, body, start);
  },
});

async function runAttached(
  session: Session,
  client: Client,
  id: string,
  body: ExecBody,
  start: Parameters<typeof attachExec>[2],
): Promise<number> {
  const { io } = session;
  const hijacked = await attachExec(client, id, start);
  const stopFollowing =
    body.Tty && io.stdinIsTerminal
      ? followTerminalSize(io, (rows, columns) => resizeExec(client, id, rows, columns))
      : () => {};
  try {
    const end = await runStreams(hijacked, io, {
      tty: body.Tty,
      stdin: body.AttachStdin,
      stdout: true,
      stderr: true,
      detachKeys: body.DetachKeys,
    });
    if (end === 'detached') throw new CommandError('read escape sequence');
  } finally {
    stopFollowing();
    hijacked.close();
  }
  return (await inspectExec(client, id)).ExitCode ?? 0;
}
