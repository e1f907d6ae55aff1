/** What a member of an archive is. */
export type EntryType =
  | 'file'
  | 'hardlink'
  | 'symlink'
  | 'character'
  | 'block'
  | 'directory'
  | 'fifo'
  /** A volume label or another note that stands for no file. */
  | 'note';

/** A run of data inside a sparse file; bytes, relative to the file's start. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
}

/**
 * One member of an archive, its extended headers already applied.
 *
 * Names are *byte strings*: one character per byte (latin1), because archives name files in any encoding and Linux
 * does not care. `toText` and `fromText` convert where a person reads them.
 */
export interface TarEntry {
  readonly type: EntryType;
  /** Byte string, as written in the archive. */
  readonly name: string;
  /** Byte string: target of a hard or symbolic link, else empty. */
  readonly linkName: string;
  /** Permission, setuid, setgid and sticky bits (07777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly userName: string;
  readonly groupName: string;
  /** Logical bytes of the file; holes count. */
  readonly size: number;
  /** Seconds since the epoch, may be negative, rounded down. */
  readonly seconds: number;
  /** 0 to 999,999,999 on top of `seconds`. */
  readonly nanoseconds: number;
  readonly major: number;
  readonly minor: number;
  /** Extended attributes by full name (a byte string), or undefined where there are none. */
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined;
  /** Where the member's data begins in the archive, in bytes; a multiple of 512. */
  readonly dataOffset: number;
  /** Bytes of data stored in the archive, padding not counted. */
  readonly dataSize: number;
  /** The data runs of a sparse file, in order and not touching; the stored data are these runs, end to end. */
  readonly extents: readonly Extent[] | undefined;
}

/** Bytes of one tar block. */
export const BLOCK = 512;

/** Text of a byte string, UTF-8 where it is, for showing to people and for names that must be text. */
export function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The byte string of a text in UTF-8. */
export function fromText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
