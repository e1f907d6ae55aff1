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
  /** What a build does without; undefined where it needs all. */
  readonly scope?: IgnoreRules | undefined;
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
 * held open, and no link is followed: whoever swaps directories for links meanwhile, nothing outside is found. `only`: these paths alone, with
 * the directories on the way. Throws CommandError.
 */
export function* walkContext(
  files: ContextFiles,
  only?: ReadonlySet<string>,
): Generator<ContextEntry, void, void> {
  const root = openContext(files);
  yield* new Walk(files, only).children(root, '');
}

/** The context's directory, held open. */
export function openContext({ directory }: Pick<ContextFiles, 'directory'>): number {
  return openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** Whether a path below the context goes to the daemon. Directories and links on the way to something in the scope do. */
export function wantsPath({ rules, scope, always }: ContextFiles, path: string, mayLead: boolean): boolean {
  if (rules === undefined && scope === undefined) return true;
  const text = toText(path);
  if (always.has(text)) return true;
  if (rules?.ignores(text)) return false;
  return scope === undefined || !scope.ignores(text) || (mayLead && scope.hasExceptionsBelow(text));
}

/** Whether something below a directory may go that does not go itself. */
export function mayHoldWanted({ rules, scope, always }: ContextFiles, path: string): boolean {
  const text = toText(path);
  const isIn = (some: IgnoreRules | undefined): boolean =>
    some === undefined || !some.ignores(text) || some.hasExceptionsBelow(text);
  return (isIn(rules) && isIn(scope)) || [...always].some((one) => one.startsWith(`${text}/`));
}

class Walk {
  readonly #files: ContextFiles;
  readonly #only: ReadonlySet<string> | undefined;
  /** The directories on the way to what is wanted alone. */
  readonly #ways: ReadonlySet<string>;

  constructor(files: ContextFiles, only: ReadonlySet<string> | undefined) {
    this.#files = files;
    this.#only = only;
    this.#ways = new Set([...(only ?? [])].flatMap(directoriesAbove));
  }

  /** Closes the directory. `prefix` is its path with a slash, or empty. */
  *children(parent: number, prefix: string): Generator<ContextEntry, void, void> {
    try {
      for (const entry of sorted(entriesOf(parent, prefix))) {
        const { name } = entry;
        const path = prefix + name;
        if (this.#only !== undefined && !this.#only.has(path) && !this.#ways.has(path)) continue;
        const isWanted = wantsPath(this.#files, path, !entry.isFile());
        if (entry.isDirectory()) yield* this.#directory(parent, name, path, isWanted);
        else if (isWanted) {
          yield { kind: entry.isFile() ? 'file' : 'special', path, parent, name, descriptor: -1 };
        }
      }
    } finally {
      closeSync(parent);
    }
  }

  *#directory(
    parent: number,
    name: string,
    path: string,
    isWanted: boolean,
  ): Generator<ContextEntry, void, void> {
    if (!isWanted && !mayHoldWanted(this.#files, path)) return;
    const descriptor = openInContext(parent, name, OPEN_DIRECTORY, path);
    if (descriptor === undefined) return;
    if (isWanted) yield { kind: 'directory', path, parent, name, descriptor };
    yield* this.children(descriptor, `${path}/`);
  }
}

function directoriesAbove(path: string): readonly string[] {
  return [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));
}

/** What is in a directory, in any order; names are byte strings. Throws CommandError. */
export function entriesOf(directory: number, prefix: string): Dirent[] {
  try {
    return readdirSync(`/proc/self/fd/${directory}`, { withFileTypes: true, encoding: 'latin1' });
  } catch (reason) {
    throw unreadable(prefix, reason);
  }
}

/** By their bytes. */
function sorted(entries: Dirent[]): Dirent[] {
  return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
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
