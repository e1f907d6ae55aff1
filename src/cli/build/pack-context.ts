import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
} from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import type { IgnoreRules } from '../../dockerfile/ignore-file.ts';
import { toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { CommandError } from '../command-error.ts';
import { nameIn } from '../copy/host-tree.ts';
import { specialHeader } from '../copy/pack.ts';
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
  /** Told of what no archive can hold. */
  readonly onSocket: (path: string) => void;
}

/** Bytes that go out at once; small members are sent together. */
const PIECE = 1 << 18;

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** A pipe that takes a file's place is not waited for. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A tar of the directory's files as Docker sends them: sorted, without the directory itself, all owned by root, whole seconds. Everything
 * is opened by one name in a directory that is held open, and no link is followed: whoever swaps directories for links meanwhile,
 * nothing outside is read. Throws CommandError.
 */
export async function* packContext(files: ContextFiles): AsyncGenerator<Uint8Array, void, void> {
  yield* new ContextPacker(files).pack();
}

class ContextPacker {
  readonly #files: ContextFiles;
  /** Names of files that have several, by device and inode. */
  readonly #names = new Map<string, string>();
  #piece: Buffer = Buffer.allocUnsafe(PIECE);
  #filled = 0;

  constructor(files: ContextFiles) {
    this.#files = files;
  }

  *pack(): Generator<Uint8Array, void, void> {
    const descriptor = openSync(this.#files.directory, constants.O_RDONLY | constants.O_DIRECTORY);
    yield* this.#children(descriptor, '');
    for (const [name, bytes] of this.#files.added) {
      yield* this.#bytes({ type: 'file', name, mode: 0o600, seconds: Math.floor(Date.now() / 1000) }, bytes);
    }
    yield* this.#put(tarEnd);
    yield this.#piece.subarray(0, this.#filled);
  }

  /** Closes the directory. `prefix` is its path with a slash, or empty. */
  *#children(directory: number, prefix: string): Generator<Uint8Array, void, void> {
    try {
      for (const entry of entriesOf(directory, prefix)) {
        const path = prefix + entry.name;
        const isWanted = this.#wants(toText(path));
        const rewritten = this.#files.rewritten.get(path);
        if (rewritten !== undefined) yield* this.#rewritten(directory, entry.name, path, rewritten);
        else if (entry.isDirectory()) yield* this.#directory(directory, entry.name, path, isWanted);
        else if (isWanted && entry.isFile()) yield* this.#file(directory, entry.name, path);
        else if (isWanted) yield* this.#special(directory, entry.name, path);
      }
    } finally {
      closeSync(directory);
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
  ): Generator<Uint8Array, void, void> {
    if (!isWanted && !this.#mayHoldWanted(toText(path))) return;
    const descriptor = opened(parent, name, OPEN_DIRECTORY, path);
    if (descriptor === undefined) return;
    if (isWanted) {
      yield* this.#put(headerOf({ type: 'directory', name: `${path}/` }, fstatSync(descriptor)));
    }
    yield* this.#children(descriptor, `${path}/`);
  }

  #mayHoldWanted(path: string): boolean {
    const { rules, always } = this.#files;
    return rules?.hasExceptionsBelow(path) || [...always].some((one) => one.startsWith(`${path}/`));
  }

  *#file(directory: number, name: string, path: string): Generator<Uint8Array, void, void> {
    const descriptor = opened(directory, name, OPEN_FILE, path);
    if (descriptor === undefined) return;
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return;
      const linkName = this.#linked(descriptor, stat, path);
      if (linkName !== undefined) {
        yield* this.#put(headerOf({ type: 'hardlink', name: path, linkName }, stat));
        return;
      }
      yield* this.#put(headerOf({ type: 'file', name: path, size: stat.size }, stat));
      yield* this.#content(descriptor, stat.size, path);
      yield* this.#put(tarPadding(stat.size));
    } finally {
      closeSync(descriptor);
    }
  }

  *#rewritten(
    directory: number,
    name: string,
    path: string,
    bytes: Uint8Array,
  ): Generator<Uint8Array, void, void> {
    const stat = lstatSync(nameIn(directory, name), { throwIfNoEntry: false });
    if (stat === undefined) return;
    const seconds = Math.floor(stat.mtimeMs / 1000);
    yield* this.#bytes({ type: 'file', name: path, mode: stat.mode & 0o666, seconds }, bytes);
  }

  *#bytes(header: TarHeader, bytes: Uint8Array): Generator<Uint8Array, void, void> {
    yield* this.#put(formatTarHeader({ ...header, size: bytes.length }));
    yield* this.#put(bytes);
    yield* this.#put(tarPadding(bytes.length));
  }

  /** The name under which the file was sent before. */
  #linked(descriptor: number, { nlink }: Stats, path: string): string | undefined {
    if (nlink < 2) return undefined;
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const key = `${dev}:${ino}`;
    const before = this.#names.get(key);
    if (before === undefined) this.#names.set(key, path);
    return before;
  }

  *#special(directory: number, name: string, path: string): Generator<Uint8Array, void, void> {
    const place = nameIn(directory, name);
    const stat = lstatSync(place, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || stat.isFile() || stat.isDirectory()) return;
    if (stat.isSocket()) return this.#files.onSocket(toText(path));
    const header = specialHeader(place.toString('latin1'), path, stat);
    const seconds = Number(stat.mtimeNs / 1_000_000_000n);
    yield* this.#put(formatTarHeader({ ...header, mode: Number(stat.mode) & 0o7777, seconds }));
  }

  /** `size` bytes, read to where they are sent from: what a file has grown by since is left out. */
  *#content(descriptor: number, size: number, path: string): Generator<Uint8Array, void, void> {
    for (let left = size; left > 0; ) {
      if (this.#filled === PIECE) yield this.#take();
      const room = Math.min(left, PIECE - this.#filled);
      const read = readSync(descriptor, this.#piece, this.#filled, room, null);
      if (read === 0) throw new CommandError(`${toText(path)} became shorter while it was sent`);
      this.#filled += read;
      left -= read;
    }
  }

  *#put(bytes: Uint8Array): Generator<Uint8Array, void, void> {
    if (this.#filled + bytes.length > PIECE) yield this.#take();
    if (bytes.length > PIECE) {
      yield bytes;
      return;
    }
    this.#piece.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #take(): Uint8Array {
    const piece = this.#piece.subarray(0, this.#filled);
    this.#piece = Buffer.allocUnsafe(PIECE);
    this.#filled = 0;
    return piece;
  }
}

function headerOf(header: TarHeader, { mode, mtimeMs }: Stats): Uint8Array {
  return formatTarHeader({ ...header, mode: mode & 0o7777, seconds: Math.floor(mtimeMs / 1000) });
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

/** Undefined for what has gone, or become something else, meanwhile. */
function opened(directory: number, name: string, flags: number, path: string): number | undefined {
  try {
    return openSync(nameIn(directory, name), flags);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO')) return undefined;
    throw unreadable(path, reason);
  }
}

function unreadable(path: string, reason: unknown): CommandError {
  if (!isErrno(reason, 'EACCES', 'EPERM')) return fileFailure('open', toText(path), reason);
  return new CommandError(`error checking context: no permission to read from '${toText(path)}'`);
}
