import { DIRENT_SIZE } from './format.ts';

/** One name in a directory. */
export interface Dirent {
  /** Byte string. */
  readonly name: string;
  /** Inode number. */
  readonly nid: number;
  readonly type: number;
}

/** All names of a directory in byte order, "." and ".." among them. */
export function directoryNames(children: ReadonlyMap<string, unknown>): string[] {
  const names = ['.', '..', ...children.keys()];
  const third = names[2];
  // The children are in order already, and hardly any name sorts before "..".
  return third === undefined || third > '..' ? names : names.sort();
}

/** Bytes that a directory of these names takes, in blocks of `blockSize`; the last block counts as far as it is used. */
export function measureDirectory(names: readonly string[], blockSize: number): number {
  let blocks = 0;
  let used = 0;
  for (const name of names) {
    const size = DIRENT_SIZE + name.length;
    if (used + size > blockSize) {
      blocks++;
      used = 0;
    }
    used += size;
  }
  return blocks * blockSize + used;
}

/**
 * The data of a directory: in each block first the fixed-size entries, then their names. `size` is what
 * `measureDirectory` said.
 */
export function encodeDirectory(entries: readonly Dirent[], size: number, blockSize: number): Buffer {
  const data = Buffer.alloc(size);
  let first = 0;
  for (let start = 0; start < size; start += blockSize) {
    let end = first;
    for (let used = 0; end < entries.length; end++) {
      used += DIRENT_SIZE + (entries[end]?.name.length ?? 0);
      if (used > blockSize) break;
    }
    encodeBlock(data, start, entries.slice(first, end));
    first = end;
  }
  return data;
}

function encodeBlock(data: Buffer, start: number, entries: readonly Dirent[]): void {
  let nameOffset = entries.length * DIRENT_SIZE;
  let at = start;
  for (const { name, nid, type } of entries) {
    data.writeUInt32LE(nid % 2 ** 32, at);
    data.writeUInt32LE(Math.floor(nid / 2 ** 32), at + 4);
    data.writeUInt16LE(nameOffset, at + 8);
    data.writeUInt8(type, at + 10);
    data.write(name, start + nameOffset, 'latin1');
    nameOffset += name.length;
    at += DIRENT_SIZE;
  }
}
