import type { Client, Hijacked } from '../../client/client.ts';
import { attachContainer, resizeContainer, startContainer, waitContainer } from '../../client/containers.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { createFromBody } from '../container/create.ts';
import type { ContainerBody } from '../container/create-body.ts';
import { containerFlags, pullFlag } from '../container/create-flags.ts';
import { startFailure } from '../container/exit-status.ts';
import { createChoice, prepareBody } from '../container/prepare.ts';
import { followTerminalSize, forwardSignals } from '../container/signals.ts';
import { runStreams } from '../container/stream-session.ts';
import { exitOf } from '../container/wait-exit.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import type { Session } from '../session.ts';

export const command = defineCommand({
  flags: {
    ...containerFlags,
    detach: flag(bool(), 'd', 'Leave the container to itself and print its ID'),
    'detach-keys': flag(text(), '', 'Keys that detach from the container'),
    pull: pullFlag('running'),
    'sig-proxy': flag(bool(true), '', 'Pass signals on to the process'),
  },
  args: { atLeast: 1 },
  interspersed: false,
  async run(invocation) {
    const { options, session } = invocation;
    const client = await session.client();
    const body = prepareBody(invocation, options, 'run');
    chooseStreams(session, body, options.detach, options.attach.length > 0);
    const fail = (reason: unknown): never => {
      throw startFailure(session.programName, reason, session.address.host);
    };
    const choice = createChoice(options, session.io.environment);
    const id = await createFromBody(session, client, body, choice).catch(fail);
    const stopForwarding = options['sig-proxy'] ? forwardSignals(client, id, session.io) : () => {};
    try {
      const detachKeys = options['detach-keys'] || session.config.detachKeys;
      return await runContainer({ session, client, id, body, detachKeys, fail });
    } finally {
      stopForwarding();
    }
  },
});

function chooseStreams(session: Session, body: ContainerBody, detach: boolean, attaches: boolean): void {
  if (!detach) {
    if (body.AttachStdin && body.Tty && !session.io.stdinIsTerminal) {
      throw new CommandError('the input device is not a TTY');
    }
    return;
  }
  if (attaches) throw new CommandError('conflicting options: cannot specify both --attach and --detach');
  body.AttachStdin = false;
  body.AttachStdout = false;
  body.AttachStderr = false;
  body.StdinOnce = false;
}

interface Run {
  readonly session: Session;
  readonly client: Client;
  readonly id: string;
  readonly body: ContainerBody;
  readonly detachKeys: string;
  readonly fail: (reason: unknown) => never;
}

/** Attach and wait come before start, so that neither output nor exit is missed. */
async function runContainer(run: Run): Promise<number> {
  const { session, client, id, body } = run;
  const { AttachStdin = false, AttachStdout = false, AttachStderr = false, Tty = false } = body;
  if (!AttachStdin && !AttachStdout && !AttachStderr) return runDetached(run);
  const hijacked = await attachContainer(client, id, {
    stream: true,
    stdin: AttachStdin,
    stdout: AttachStdout,
    stderr: AttachStderr,
    detachKeys: run.detachKeys,
  });
  try {
    const { exited } = await waitContainer(client, id, body.HostConfig.AutoRemove ? 'removed' : 'next-exit');
    const status = exitOf(exited, session.io);
    const streams = runStreams(hijacked, session.io, {
      tty: Tty,
      stdin: AttachStdin,
      stdout: AttachStdout,
      stderr: AttachStderr,
      detachKeys: run.detachKeys,
    });
    streams.catch(() => {});
    await startContainer(client, id).catch((reason: unknown) =>
      abandon(run, hijacked, streams, status, reason),
    );
    const stopFollowing =
      Tty && session.io.stdoutIsTerminal
        ? followTerminalSize(session.io, (rows, columns) => resizeContainer(client, id, rows, columns))
        : () => {};
    try {
      if (AttachStdout || AttachStderr) return (await streams) === 'detached' ? 0 : await status;
      return await Promise.race([status, streams.then((end) => (end === 'detached' ? 0 : status))]);
    } finally {
      stopFollowing();
    }
  } finally {
    hijacked.close();
  }
}

/** The start failed: the terminal must be itself again before anything is said, and `--rm` has its turn. */
async function abandon(
  run: Run,
  hijacked: Hijacked,
  streams: Promise<unknown>,
  status: Promise<number>,
  reason: unknown,
): Promise<never> {
  hijacked.close();
  await streams.catch(() => {});
  if (run.body.HostConfig.AutoRemove) await status;
  return run.fail(reason);
}

async function runDetached({ session, client, id, body, fail }: Run): Promise<number> {
  const { exited } = await waitContainer(client, id, body.HostConfig.AutoRemove ? 'removed' : 'next-exit');
  session.io.out(`${id}\n`);
  await startContainer(client, id).catch(async (reason: unknown) => {
    if (body.HostConfig.AutoRemove) await exited.catch(() => {});
    return fail(reason);
  });
  return 0;
}
