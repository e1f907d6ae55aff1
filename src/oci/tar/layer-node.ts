import type { Extent } from './entry.ts';

/** File type bits of a mode (stat(2)). */
export const modeType = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** Where a regular file's bytes are in the tar. */
export interface FileData {
  /** Logical bytes. */
  readonly size: number;
  /** In the archive, in bytes. */
  readonly offset: number;
  /** The data runs of a sparse file, stored end to end. */
  readonly extents: readonly Extent[] | undefined;
}

/** An inode of a layer. Hard links are several names of one node. Names, targets: byte strings. */
export class LayerNode {
  /** Type and permission bits. */
  mode: number;
  uid = 0;
  gid = 0;
  seconds = 0;
  nanoseconds = 0;
  major = 0;
  minor = 0;
  /** A symbolic link's target. */
  target = '';
  xattrs: Map<string, Uint8Array> | undefined = undefined;
  data: FileData | undefined = undefined;
  /** A directory's names; in byte order once the tree is sealed. */
  children: Map<string, LayerNode> | undefined = undefined;
  /** A directory that hides the one of the same name in the layers below. */
  opaque = false;
  /** Stands for a removal in the layers below (a character device 0:0, as overlayfs wants it). */
  whiteout = false;
  /** Names that refer to it; a directory has one for each subdirectory too. Counted when the tree is sealed. */
  links = 0;
  /** Place in the order in which the sealed tree is walked. */
  index = -1;

  constructor(mode: number) {
    this.mode = mode;
  }

  get type(): number {
    return this.mode & modeType.mask;
  }
}

export function newDirectory(): LayerNode {
  const node = new LayerNode(modeType.directory | 0o755);
  node.children = new Map();
  return node;
}

export function newWhiteout(): LayerNode {
  const node = new LayerNode(modeType.character);
  node.whiteout = true;
  return node;
}
