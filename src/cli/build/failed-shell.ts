import { messageOf } from '../../base/errors.ts';
import { resizeBuildShell, startBuildShell } from '../../client/build-shells.ts';
import type { Client, Hijacked } from '../../client/client.ts';
import type { BuildShell } from '../../wire/build-messages.ts';
import { followTerminalSize } from '../container/signals.ts';
import type { Io } from '../io.ts';
import { copyRaw } from '../streams.ts';
import type { BuildDisplay } from './display.ts';
import type { Invocation } from './invoke.ts';

export interface FailedShellOptions {
  readonly client: Client;
  readonly io: Io;
  readonly display: BuildDisplay;
  readonly invoke: Invocation;
}

/** A shell in a failed step, on this terminal until it ends. That it cannot be had is said, and is no failure of its own. */
export async function runFailedShell(
  { client, io, display, invoke }: FailedShellOptions,
  { id, digest, error, Cmd }: BuildShell,
): Promise<void> {
  const giveBack = display.lend();
  const command = [...((invoke.Cmd ?? []).length > 0 ? (invoke.Cmd ?? []) : (Cmd ?? []))].join(' ');
  const name = display.trace.steps.get(digest)?.name ?? digest;
  io.err(`\n > ${name}: ${error}\n${command} runs in the failed step; the build ends when it does.\n`);
  const { rows = 0, columns = 0 } = io.terminalSize() ?? {};
  try {
    const hijacked = await startBuildShell(client, id, { ...invoke, ConsoleSize: [rows, columns] });
    const stop = followTerminalSize(io, (height, width) => resizeBuildShell(client, id, height, width));
    try {
      await talk(hijacked, io);
    } finally {
      stop();
      hijacked.close();
    }
  } catch (reason) {
    io.err(`no shell can be opened in the failed step: ${messageOf(reason)}\n`);
  } finally {
    giveBack();
  }
}

/** All keys are the shell's, also those that leave containers elsewhere. */
async function talk(hijacked: Hijacked, io: Io): Promise<void> {
  const restore = io.rawMode();
  const input = io.stdin()[Symbol.asyncIterator]();
  const send = async (): Promise<void> => {
    for (let next = await input.next(); next.done !== true; next = await input.next()) {
      await hijacked.write(next.value);
    }
    hijacked.closeWrite();
  };
  // A connection that breaks is told by whoever reads it.
  send().catch(() => {});
  try {
    await copyRaw(hijacked.output, io);
  } finally {
    restore();
    // Whoever waits for the next key is not waited for.
    void input.return?.();
  }
}
