import { closeSync, openSync } from 'node:fs';
import { isErrno } from '../base/errno.ts';
import { CommandError } from './command-error.ts';

/** Opens a file at once, so that a missing one is told before the daemon is asked, and reads it as it is needed. */
export function openInput(path: string): AsyncIterable<Uint8Array> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (reason) {
    const why = isErrno(reason, 'ENOENT') ? 'no such file or directory' : 'permission denied';
    throw new CommandError(`open ${path}: ${why}`);
  }
  return readAndClose(descriptor);
}

async function* readAndClose(descriptor: number): AsyncGenerator<Uint8Array> {
  try {
    yield* Bun.file(descriptor).stream() as unknown as AsyncIterable<Uint8Array>;
  } finally {
    closeSync(descriptor);
  }
}
