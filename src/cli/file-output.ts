import { lstatSync, type Stats, statSync } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { dirname, normalize } from 'node:path';
import { isErrno } from '../base/errno.ts';
import { CommandError } from './command-error.ts';
import { CopyProgress } from './copy/progress.ts';
import type { Io } from './io.ts';

/** Throws CommandError, which begins with `prefix`, unless a file of this name can be made or replaced. */
export function checkOutputFile(path: string, prefix: string): void {
  const directory = dirname(normalize(path));
  const fail = (problem: string): never => {
    throw new CommandError(`${prefix}: ${problem}`);
  };
  const parent = statOf(directory);
  if (parent === undefined) fail(`invalid output path: stat ${directory}: no such file or directory`);
  if (!parent?.isDirectory()) fail(`invalid output path: stat ${directory}: not a directory`);
  // Not through a link: replacing the file would replace the link.
  const existing = statOf(path, lstatSync);
  const kind = existing === undefined ? undefined : unwritableKind(existing);
  if (kind !== undefined) fail(`cannot write to a ${kind}`);
}

function statOf(path: string, stat: (path: string) => Stats = statSync): Stats | undefined {
  try {
    return stat(path);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT', 'ENOTDIR')) return undefined;
    throw reason;
  }
}

function unwritableKind(stat: Stats): string | undefined {
  if (stat.isFile()) return undefined;
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symbolic link directly';
  if (stat.isFIFO()) return 'named pipe (FIFO)';
  if (stat.isSocket()) return 'socket';
  return stat.isCharacterDevice() ? 'character device file' : 'block device file';
}

const endings = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Writes a file that only its owner may read, in one step: until all of it is there, and when that fails or is interrupted, an older file
 * of the name stays. Shows on a terminal how far it is.
 */
export async function writeOutputFile(
  io: Io,
  path: string,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  const file = await open(temporary, 'wx', 0o600);
  const interrupted = Promise.withResolvers<never>();
  const signals = Object.keys(endings) as (keyof typeof endings)[];
  const stopListening = io.onSignals(signals, (name) =>
    interrupted.reject(new CommandError('', endings[name as keyof typeof endings])),
  );
  try {
    using progress = new CopyProgress(io, `Writing ${path}`, false);
    const write = async (): Promise<void> => {
      for await (const chunk of progress.count(content)) await file.writeFile(chunk);
      await file.sync();
    };
    await Promise.race([write(), interrupted.promise]);
    await file.close();
    await rename(temporary, path);
  } catch (reason) {
    await file.close().catch(() => {});
    await unlink(temporary);
    throw reason;
  } finally {
    stopListening();
  }
}
