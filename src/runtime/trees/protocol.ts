/** What a tree session and its client say to each other (docs/tree-protocol.md); `native/tree-wire.h` holds the same numbers. */
export const treeFrames = {
  stat: 0x50,
  read: 0x51,
  write: 0x52,
  parts: 0x53,
  end: 0x54,
  cancel: 0x55,
  found: 0x56,
  nothing: 0x57,
} as const;

export const treeFlags = {
  statFollow: 1,
  readData: 1,
  readCrossMounts: 2,
  writeKeepKinds: 1,
  /** Of the record that answers `stat`. */
  readOnly: 1,
} as const;

/** Most that one frame holds, either way. */
export const TREE_FRAME_MAX: number = 512 * 1024;

/** Longest name in a record, in bytes. */
export const TREE_NAME_MAX = 0xffff;

/** Most bytes that the extended attributes of one object take. */
export const TREE_XATTRS_MAX: number = 128 * 1024;

/** Bytes of a run of data's head, and of a header before its name. */
export const RECORD_HEAD = 8;
export const RECORD_HEADER = 48;
export const XATTR_HEADER = 8;

/** The kinds of records by their number; 0 is a run of data. A socket is only ever an answer to `stat`. */
export const recordKinds = [
  'data',
  'file',
  'hardlink',
  'symlink',
  'character',
  'block',
  'directory',
  'fifo',
  'socket',
] as const;
