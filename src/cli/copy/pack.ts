import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { isErrno } from '../../base/errno.ts';
import { fromText, toText } from '../../oci/tar/entry.ts';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';

/** Bytes that go out at once; small members are sent together. */
const PIECE = 1 << 18;

/**
 * A tar of what is at `path`, and all below it, sorted. The top member is called `top`, through `rename` as all others. As Docker's command
 * line has it: owners by number, whole seconds, further names of a file as hard links. Sockets are only told to `onSocket`.
 */
export function packFiles(
  path: string,
  top: string,
  rename: (name: string) => string,
  onSocket: (name: string) => void = () => {},
): AsyncGenerator<Uint8Array, void, void> {
  return inPieces(new Packer(rename, onSocket).pack(fromText(path), fromText(top)));
}

class Packer {
  readonly #rename: (name: string) => string;
  readonly #onSocket: (name: string) => void;
  /** Names of files that have several, by device and inode. */
  readonly #names = new Map<string, string>();

  constructor(rename: (name: string) => string, onSocket: (name: string) => void) {
    this.#rename = rename;
    this.#onSocket = onSocket;
  }

  *pack(path: string, top: string): Generator<Uint8Array, void, void> {
    yield* this.#member(path, top);
    yield tarEnd;
  }

  *#member(path: string, name: string): Generator<Uint8Array, void, void> {
    const stat = lstatOf(path);
    if (stat === undefined) return;
    if (stat.isSocket()) {
      this.#onSocket(toText(name));
      return;
    }
    if (stat.isDirectory()) {
      yield this.#header({ type: 'directory', name: name.endsWith('/') ? name : `${name}/` }, stat);
      for (const child of childrenOf(path)) yield* this.#member(joined(path, child), joined(name, child));
      return;
    }
    const linked = this.#linked(name, stat);
    if (linked !== undefined) yield this.#header({ type: 'hardlink', name, linkName: linked }, stat);
    else if (stat.isFile()) yield* this.#file(path, name);
    else yield this.#header(specialHeader(path, name, stat), stat);
  }

  /** The name under which the file was sent before. */
  #linked(name: string, stat: BigIntStats): string | undefined {
    if (stat.nlink < 2n) return undefined;
    const key = `${stat.dev}:${stat.ino}`;
    const before = this.#names.get(key);
    if (before === undefined) this.#names.set(key, name);
    return before === undefined ? undefined : this.#rename(before);
  }

  *#file(path: string, name: string): Generator<Uint8Array, void, void> {
    const descriptor = openFile(path);
    if (descriptor === undefined) return;
    try {
      const stat = fstatSync(descriptor, { bigint: true });
      const size = Number(stat.size);
      yield this.#header({ type: 'file', name, size }, stat);
      yield* readAll(descriptor, size, path);
      yield tarPadding(size);
    } finally {
      closeSync(descriptor);
    }
  }

  #header(header: TarHeader, stat: BigIntStats): Uint8Array {
    return formatTarHeader({
      ...header,
      name: this.#rename(header.name),
      mode: Number(stat.mode) & 0o7777,
      uid: Number(stat.uid),
      gid: Number(stat.gid),
      seconds: Number(stat.mtimeNs / 1_000_000_000n),
    });
  }
}

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');
const joined = (path: string, name: string): string => `${path}${path.endsWith('/') ? '' : '/'}${name}`;

/** Undefined for what has gone meanwhile. */
function lstatOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(bytesOf(path), { bigint: true });
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return undefined;
    throw fileFailure('lstat', toText(path), reason);
  }
}

function childrenOf(path: string): string[] {
  try {
    return readdirSync(bytesOf(path), { encoding: 'buffer' })
      .map((name) => name.toString('latin1'))
      .sort();
  } catch (reason) {
    throw fileFailure('open', toText(path), reason);
  }
}

/** Of what has no content: links, pipes and devices. `path` and `name` are byte strings. */
export function specialHeader(path: string, name: string, stat: BigIntStats): TarHeader {
  if (stat.isSymbolicLink()) {
    const linkName = readlinkSync(bytesOf(path), { encoding: 'buffer' }).toString('latin1');
    return { type: 'symlink', name, linkName };
  }
  if (stat.isFIFO()) return { type: 'fifo', name };
  const [major, minor] = deviceNumbers(stat.rdev);
  return { type: stat.isBlockDevice() ? 'block' : 'character', name, major, minor };
}

/** As glibc's makedev packs them (sys/sysmacros.h). */
function deviceNumbers(device: bigint): [number, number] {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn);
  return [Number(major), Number(minor)];
}

/** A link in its place by now is not followed. */
function openFile(path: string): number | undefined {
  try {
    return openSync(bytesOf(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (reason) {
    if (isErrno(reason, 'ENOENT')) return undefined;
    throw fileFailure('open', toText(path), reason);
  }
}

/** `size` bytes: what a file has grown by since is left out. Throws CommandError when it has shrunk. */
function* readAll(descriptor: number, size: number, path: string): Generator<Uint8Array, void, void> {
  for (let left = size; left > 0; ) {
    const piece = Buffer.allocUnsafe(Math.min(left, PIECE));
    const read = readSync(descriptor, piece, 0, piece.length, null);
    if (read === 0) throw new CommandError(`${toText(path)} became shorter while it was copied`);
    left -= read;
    yield piece.subarray(0, read);
  }
}

async function* inPieces(parts: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const part of parts) {
    waiting.push(part);
    bytes += part.length;
    if (bytes < PIECE) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
