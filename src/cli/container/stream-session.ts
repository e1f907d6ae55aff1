import { messageOf } from '../../base/errors.ts';
import type { Hijacked } from '../../client/client.ts';
import { demultiplex } from '../../client/frames.ts';
import type { Io } from '../io.ts';
import { copyFrames, copyRaw } from '../streams.ts';
import { DetachWatcher, defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';

export interface StreamOptions {
  /** The process has a terminal: one raw stream, and keys are passed on one by one. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string;
}

export type StreamEnd = 'ended' | 'detached';

/**
 * Connects the streams of this process with a container's until the container's end or the user detaches. The terminal is as before when
 * this settles, however it does.
 */
export async function runStreams(hijacked: Hijacked, io: Io, options: StreamOptions): Promise<StreamEnd> {
  const restore = options.tty && options.stdin ? io.rawMode() : () => {};
  try {
    const input = options.stdin ? sendInput(hijacked, io, options) : endInput(hijacked);
    if (!options.stdout && !options.stderr) return await input;
    const output = receiveOutput(hijacked, io, options).then((): StreamEnd => 'ended');
    // The end of input is not the end: the container may still speak.
    const detached = input.then((end) => (end === 'detached' ? end : output));
    return await Promise.race([output, detached]);
  } finally {
    restore();
  }
}

async function endInput(hijacked: Hijacked): Promise<StreamEnd> {
  hijacked.closeWrite();
  return 'ended';
}

async function receiveOutput(hijacked: Hijacked, io: Io, options: StreamOptions): Promise<void> {
  if (options.tty) await copyRaw(hijacked.output, io);
  else await copyFrames(demultiplex(hijacked.output), io, options);
}

async function sendInput(hijacked: Hijacked, io: Io, options: StreamOptions): Promise<StreamEnd> {
  const watcher = options.tty ? new DetachWatcher(keysOf(options.detachKeys, io)) : undefined;
  try {
    for await (const chunk of io.stdin()) {
      const { pass, detached } = watcher?.feed(chunk) ?? { pass: chunk, detached: false };
      if (pass.length > 0) await hijacked.write(pass);
      if (detached) return 'detached';
    }
  } catch {
    // The connection broke; whoever reads it says so.
    return 'ended';
  }
  hijacked.closeWrite();
  return 'ended';
}

function keysOf(text: string, io: Io): readonly number[] {
  if (text === '') return defaultDetachKeys;
  try {
    return parseDetachKeys(text);
  } catch (reason) {
    const why = messageOf(reason);
    io.err(`invalid detach escape keys, using default: ${why}\n`);
    return defaultDetachKeys;
  }
}
