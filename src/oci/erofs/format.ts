/**
 * The on-disk constants of EROFS (Linux, fs/erofs/erofs_fs.h; Documentation/filesystems/erofs.rst). Numbers are little-endian.
 */

export const MAGIC = 0xe0f5e1e2;
/** Where the superblock begins, whatever the block size. */
export const SUPER_OFFSET = 1024;
export const SUPER_SIZE = 128;
/** A device slot's size; slots are addressed in this unit. */
export const DEVICE_SLOT_SIZE = 128;
/** Inode numbers count slots of this many bytes from the start of the metadata. */
export const INODE_SLOT = 32;
export const COMPACT_INODE_SIZE = 32;
export const EXTENDED_INODE_SIZE = 64;
export const DIRENT_SIZE = 12;
export const CHUNK_INDEX_SIZE = 8;
export const XATTR_HEADER_SIZE = 12;

export const featureCompat = { superblockChecksum: 0x1, mtime: 0x2 } as const;
export const featureIncompat = { chunkedFile: 0x4, deviceTable: 0x8 } as const;

/** Bits 1 to 3 of an inode's format; bit 0 says extended. */
export const dataLayout = { plain: 0, inline: 2, chunks: 4 } as const;

/** Set in a chunk format: entries are 8-byte indexes. The low five bits are log2 of blocks per chunk. */
export const CHUNK_INDEXES = 0x20;
export const MAX_CHUNK_BITS = 31;
/** The block address of a hole. */
export const HOLE = 0xffffffff;
/** Block addresses have 32 bits, and the last one means a hole. */
export const MAX_BLOCKS = 0xfffffffe;

/** File type of a directory entry. */
export const fileType = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  socket: 6,
  symlink: 7,
} as const;

/** Names of extended attributes begin with one of these, kept as its number. */
export const xattrPrefixes: readonly (readonly [prefix: string, index: number])[] = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
];

export function alignUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
