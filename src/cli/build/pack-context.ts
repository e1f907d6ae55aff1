import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, readSync, type Stats } from 'node:fs';
import { toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { CommandError } from '../command-error.ts';
import { nameIn } from '../copy/host-tree.ts';
import { specialHeader } from '../copy/pack.ts';
import { type ContextEntry, type ContextFiles, openInContext, walkContext } from './walk-context.ts';

export interface PackOptions {
  /** Told of what no archive can hold. */
  readonly onSocket: (path: string) => void;
  /** Only these files, by their paths (byte strings), and their times to the nanosecond. */
  readonly only?: ReadonlySet<string>;
}

/** Bytes that go out at once; small members are sent together. */
const PIECE = 1 << 18;

/** A pipe that takes a file's place is not waited for. */
const OPEN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A tar of a context's files as Docker sends them: sorted, without the directory itself, all owned by root, whole seconds, further names
 * of a file as links. Throws CommandError.
 */
export async function* packContext(
  files: ContextFiles,
  options: PackOptions,
): AsyncGenerator<Uint8Array, void, void> {
  yield* new ContextPacker(files, options).pack();
}

class ContextPacker {
  readonly #files: ContextFiles;
  readonly #options: PackOptions;
  /** Names of files that have several, by device and inode. */
  readonly #names = new Map<string, string>();
  #piece: Buffer = Buffer.allocUnsafe(PIECE);
  #filled = 0;

  constructor(files: ContextFiles, options: PackOptions) {
    this.#files = files;
    this.#options = options;
  }

  *pack(): Generator<Uint8Array, void, void> {
    const { added } = this.#files;
    // Of a context that is compared they have no time, or it would change with each build.
    const seconds = this.#options.only === undefined ? Math.floor(Date.now() / 1000) : 0;
    for (const entry of walkContext(this.#files, this.#options.only)) {
      if (this.#isWanted(entry.path)) yield* this.#member(entry);
    }
    for (const [name, bytes] of added) {
      if (!this.#isWanted(name)) continue;
      yield* this.#bytes({ type: 'file', name, mode: 0o600, seconds }, bytes);
    }
    yield* this.#put(tarEnd);
    yield this.#piece.subarray(0, this.#filled);
  }

  #isWanted(path: string): boolean {
    return this.#options.only?.has(path) ?? true;
  }

  #member(entry: ContextEntry): Generator<Uint8Array, void, void> {
    const rewritten = this.#files.rewritten.get(entry.path);
    if (rewritten !== undefined) return this.#rewritten(entry, rewritten);
    if (entry.kind === 'file') return this.#file(entry);
    if (entry.kind === 'special') return this.#special(entry);
    return this.#put(headerOf({ type: 'directory', name: `${entry.path}/` }, fstatSync(entry.descriptor)));
  }

  *#file({ parent, name, path }: ContextEntry): Generator<Uint8Array, void, void> {
    const descriptor = openInContext(parent, name, OPEN_FILE, path);
    if (descriptor === undefined) return;
    try {
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return;
      const linkName = this.#linked(descriptor, stat, path);
      if (linkName !== undefined) {
        yield* this.#put(headerOf({ type: 'hardlink', name: path, linkName }, stat));
        return;
      }
      yield* this.#put(this.#fileHeader(descriptor, path, stat));
      yield* this.#content(descriptor, stat.size, path);
      yield* this.#put(tarPadding(stat.size));
    } finally {
      closeSync(descriptor);
    }
  }

  #fileHeader(descriptor: number, path: string, stat: Stats): Uint8Array {
    const header: TarHeader = { type: 'file', name: path, size: stat.size };
    if (this.#options.only === undefined) return headerOf(header, stat);
    return formatTarHeader({
      ...header,
      mode: stat.mode & 0o7777,
      ...timeOf(fstatSync(descriptor, { bigint: true })),
    });
  }

  /** The name under which the file was sent before. */
  #linked(descriptor: number, { nlink }: Stats, path: string): string | undefined {
    if (nlink < 2 || this.#options.only !== undefined) return undefined;
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const key = `${dev}:${ino}`;
    const before = this.#names.get(key);
    if (before === undefined) this.#names.set(key, path);
    return before;
  }

  *#special({ parent, name, path }: ContextEntry): Generator<Uint8Array, void, void> {
    const place = nameIn(parent, name);
    const stat = lstatSync(place, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined || stat.isFile() || stat.isDirectory()) return;
    if (stat.isSocket()) return this.#options.onSocket(toText(path));
    const header = specialHeader(place.toString('latin1'), path, stat);
    const { seconds } = timeOf(stat);
    yield* this.#put(formatTarHeader({ ...header, mode: Number(stat.mode) & 0o7777, seconds }));
  }

  *#rewritten({ parent, name, path }: ContextEntry, bytes: Uint8Array): Generator<Uint8Array, void, void> {
    const stat = lstatSync(nameIn(parent, name), { throwIfNoEntry: false });
    if (stat === undefined) return;
    const seconds = Math.floor(stat.mtimeMs / 1000);
    yield* this.#bytes({ type: 'file', name: path, mode: stat.mode & 0o666, seconds }, bytes);
  }

  *#bytes(header: TarHeader, bytes: Uint8Array): Generator<Uint8Array, void, void> {
    yield* this.#put(formatTarHeader({ ...header, size: bytes.length }));
    yield* this.#put(bytes);
    yield* this.#put(tarPadding(bytes.length));
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

/** Of the last change of its content. */
function timeOf({ mtimeNs }: BigIntStats): { readonly seconds: number; readonly nanoseconds: number } {
  const nanoseconds = Number(mtimeNs % 1_000_000_000n);
  const seconds = Number(mtimeNs / 1_000_000_000n);
  // Before the epoch too, fractions count forward.
  return nanoseconds < 0
    ? { seconds: seconds - 1, nanoseconds: nanoseconds + 1e9 }
    : { seconds, nanoseconds };
}
