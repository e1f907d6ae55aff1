import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { DirectoryLister, type Listing } from './directory-lister.ts';
import { type ContextFiles, openContext } from './walk-context.ts';

export interface ScannedContext {
  /** In no particular order. */
  readonly listings: readonly Listing[];
  /** Files and links. */
  readonly entries: number;
  /** Of all files. */
  readonly bytes: number;
  /** What no context can hold. */
  readonly sockets: readonly string[];
}

/** What there is in a context, without its content; undefined when that is more than files, directories and links. Throws CommandError. */
export function scanContext(files: ContextFiles): ScannedContext | undefined {
  const lister = new DirectoryLister(files);
  lister.listAll(openContext(files));
  return lister.hasSpecial ? undefined : lister;
}

/** What a context is known by from build to build: this machine's directory. */
export function contextKey(directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  return createHash('sha256').update([machineId(), directory, dev, ino].join('\0')).digest('hex');
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}
