import { closeSync, fstatSync, openSync } from 'node:fs';
import { CommandError } from './command-error.ts';
import { fileFailure } from './file-failure.ts';

/**
 * Opens a file or pipe at once, so that a missing one is told before the daemon is asked, and reads it as it is needed. Throws CommandError.
 */
export function openInput(path: string): AsyncIterable<Uint8Array> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (reason) {
    throw fileFailure('open', path, reason);
  }
  if (fstatSync(descriptor).isDirectory()) {
    closeSync(descriptor);
    throw new CommandError(`read ${path}: is a directory`);
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
