import { DIRENT_SIZE } from './format.ts';

/** What names in a directory refer to. */
export interface DirentTargets {
  /** Inode number. */
  nidOf(name: string): number;
  typeOf(name: string): number;
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
 * `measureDirectory` said of these names.
 */
export function encodeDirectory(
  names: readonly string[],
  size: number,
  blockSize: number,
  targets: DirentTargets,
): Buffer {
  const data = Buffer.alloc(size);
  let first = 0;
  for (let start = 0; start < size; start += blockSize) {
    let end = first;
    for (let used = 0; end < names.length; end++) {
      used += DIRENT_SIZE + (names[end]?.length ?? 0);
      if (used > blockSize) break;
    }
    let nameOffset = (end - first) * DIRENT_SIZE;
    for (let at = start; first < end; first++, at += DIRENT_SIZE) {
      const name = names[first] ?? '';
      encodeDirent(data, at, nameOffset, targets.nidOf(name), targets.typeOf(name));
      data.write(name, start + nameOffset, 'latin1');
      nameOffset += name.length;
    }
  }
  return data;
}

function encodeDirent(data: Buffer, at: number, nameOffset: number, nid: number, type: number): void {
  data.writeUInt32LE(nid % 2 ** 32, at);
  data.writeUInt32LE(Math.floor(nid / 2 ** 32), at + 4);
  data.writeUInt16LE(nameOffset, at + 8);
  data.writeUInt8(type, at + 10);
}
