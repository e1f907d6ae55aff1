import { closeSync, constants, type Dirent, openSync, readdirSync } from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import type { IgnoreRules } from '../../dockerfile/ignore-file.ts';
import { toText } from '../../oci/tar/entry.ts';
import { CommandError } from '../command-error.ts';
import { nameIn } from '../copy/host-tree.ts';
import { fileFailure } from '../file-failure.ts';

/** A directory that images are built from, and what of it goes to the daemon. */
export interface ContextFiles {
  readonly directory: string;
  readonly rules: IgnoreRules | undefined;
  /** Paths below the directory that go whatever the rules say: those that the daemon itself needs. */
  readonly always: ReadonlySet<string>;
  /** Bytes that go in the place of those that are there, by path. */
  readonly rewritten: ReadonlyMap<string, Uint8Array>;
  /** Files that go as if they were in the directory. */
  readonly added: ReadonlyMap<string, Uint8Array>;
}

/** Something in a context. Good until the next one is asked for. */
export interface ContextEntry {
  readonly kind: 'file' | 'directory' | 'special';
  /** Below the context: a byte string. */
  readonly path: string;
  /** The directory that it is in, held open, and its name there. */
  readonly parent: number;
  readonly name: string;
  /** Itself, of a directory. */
  readonly descriptor: number;
}

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * What of a context goes to the daemon, directories before what is in them, sorted. Everything is found by one name in a directory that is
 * held open, and no link is followed: whoever swaps directories for links meanwhile, nothing outside is found. Throws CommandError.
 */
export function* walkContext(files: ContextFiles): Generator<ContextEntry, void, void> {
  const root = openSync(files.directory, constants.O_RDONLY | constants.O_DIRECTORY);
  yield* new Walk(files).children(root, '');
}

class Walk {
  readonly #files: ContextFiles;

  constructor(files: ContextFiles) {
    this.#files = files;
  }

  /** Closes the directory. `prefix` is its path with a slash, or empty. */
  *children(parent: number, prefix: string): Generator<ContextEntry, void, void> {
    try {
      for (const entry of entriesOf(parent, prefix)) {
        const { name } = entry;
        const path = prefix + name;
        const isWanted = this.#wants(toText(path));
        if (entry.isDirectory()) yield* this.#directory(parent, name, path, isWanted);
        else if (isWanted) {
          yield { kind: entry.isFile() ? 'file' : 'special', path, parent, name, descriptor: -1 };
        }
      }
    } finally {
      closeSync(parent);
    }
  }

  #wants(path: string): boolean {
    const { rules, always } = this.#files;
    return rules === undefined || !rules.ignores(path) || always.has(path);
  }

  *#directory(
    parent: number,
    name: string,
    path: string,
    isWanted: boolean,
  ): Generator<ContextEntry, void, void> {
    if (!isWanted && !this.#mayHoldWanted(toText(path))) return;
    const descriptor = openInContext(parent, name, OPEN_DIRECTORY, path);
    if (descriptor === undefined) return;
    if (isWanted) yield { kind: 'directory', path, parent, name, descriptor };
    yield* this.children(descriptor, `${path}/`);
  }

  #mayHoldWanted(path: string): boolean {
    const { rules, always } = this.#files;
    return rules?.hasExceptionsBelow(path) || [...always].some((one) => one.startsWith(`${path}/`));
  }
}

/** Sorted by their bytes; names are byte strings. */
function entriesOf(directory: number, prefix: string): Dirent[] {
  try {
    const entries = readdirSync(`/proc/self/fd/${directory}`, { withFileTypes: true, encoding: 'latin1' });
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (reason) {
    throw unreadable(prefix, reason);
  }
}

/** Undefined for what has gone, or become something else, meanwhile. Throws CommandError. */
export function openInContext(parent: number, name: string, flags: number, path: string): number | undefined {
  try {
    return openSync(nameIn(parent, name), flags);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO')) return undefined;
    throw unreadable(path, reason);
  }
}

function unreadable(path: string, reason: unknown): CommandError {
  if (!isErrno(reason, 'EACCES', 'EPERM')) return fileFailure('open', toText(path), reason);
  return new CommandError(`error checking context: no permission to read from '${toText(path)}'`);
}
