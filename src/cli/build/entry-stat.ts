import { lstatSync } from 'node:fs';
import { nameIn } from '../copy/host-tree.ts';

/** What is known of a file without opening it. */
export interface EntryStat {
  mode: number;
  size: number;
  inode: number;
  /** Of the last change of content, and of the last change of anything: seconds since the epoch, rounded down, with nanoseconds on top. */
  seconds: number;
  nanoseconds: number;
  changedSeconds: number;
  changedNanoseconds: number;
}

/** What is there under a name in a directory, no link followed; undefined for nothing. Good until the next call. */
export type StatEntry = (directory: number, name: string) => EntryStat | undefined;

/** linux/stat.h, struct statx. */
const STATX_SIZE = 256;
const MODE = 28;
const INODE = 32;
const SIZE = 40;
const CHANGED = 96;
const MODIFIED = 112;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;
const MAX_NAME = 255;

let fast: StatEntry | undefined;

/** The C library's, which takes half of the time: a context has many files. */
export function entryStat(): StatEntry {
  fast ??= statThroughLibrary() ?? statSlowly;
  return fast;
}

function statThroughLibrary(): StatEntry | undefined {
  try {
    const { dlopen } = require('bun:ffi') as typeof import('bun:ffi');
    const { symbols } = dlopen('libc.so.6', {
      statx: { args: ['i32', 'ptr', 'i32', 'u32', 'ptr'], returns: 'i32' },
    });
    return throughLibrary(symbols.statx);
  } catch {
    // Another C library, or a runtime that calls none.
    return undefined;
  }
}

function throughLibrary(
  statx: (directory: number, name: Uint8Array, flags: number, mask: number, into: Uint8Array) => number,
): StatEntry {
  const path = Buffer.alloc(MAX_NAME + 1);
  const bytes = new Uint8Array(STATX_SIZE);
  const view = new DataView(bytes.buffer);
  const long = (at: number): number => view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const stat = { ...nothing };
  return (directory, name) => {
    path[path.write(name, 'latin1')] = 0;
    // What failed is asked for again, for its reason.
    if (statx(directory, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, bytes) !== 0)
      return statSlowly(directory, name);
    stat.mode = view.getUint16(MODE, true);
    stat.size = long(SIZE);
    stat.inode = long(INODE);
    stat.seconds = long(MODIFIED);
    stat.nanoseconds = view.getUint32(MODIFIED + 8, true);
    stat.changedSeconds = long(CHANGED);
    stat.changedNanoseconds = view.getUint32(CHANGED + 8, true);
    return stat;
  };
}

const nothing: EntryStat = {
  ...{ mode: 0, size: 0, inode: 0, seconds: 0, nanoseconds: 0 },
  ...{ changedSeconds: 0, changedNanoseconds: 0 },
};

export function statSlowly(directory: number, name: string): EntryStat | undefined {
  const stat = lstatSync(nameIn(directory, name), { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const [seconds, nanoseconds] = split(stat.mtimeNs);
  const [changedSeconds, changedNanoseconds] = split(stat.ctimeNs);
  return {
    ...{ mode: Number(stat.mode), size: Number(stat.size), inode: Number(BigInt.asIntN(64, stat.ino)) },
    ...{ seconds, nanoseconds, changedSeconds, changedNanoseconds },
  };
}

const SECOND = 1_000_000_000n;

/** Before the epoch too, nanoseconds count forward. */
function split(time: bigint): readonly [seconds: number, nanoseconds: number] {
  const rest = ((time % SECOND) + SECOND) % SECOND;
  return [Number((time - rest) / SECOND), Number(rest)];
}
