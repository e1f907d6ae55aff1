import type { Context } from '../../base/context.ts';
import type { TreePart } from '../../oci/tar/part.ts';
import type { Plan } from '../../plan/operations.ts';

/**
 * Trees: directory trees whose content is somebody else's - a container's root, a volume, what a container changed - and which
 * therefore only the launcher touches.
 *
 * An open tree is a launcher process that holds the tree's root as a descriptor and resolves every path below it with
 * openat2(RESOLVE_IN_ROOT): no symbolic link, however often it is swapped, leads out, and nothing inside the tree is ever executed or
 * loaded. The process ends with the tree. Paths and names are byte strings (one character per byte, latin1), "/" or "." is the root.
 * Verbs on one tree run one after the other; one that is given up (by its context) ends the tree.
 */
export interface Trees {
  open(context: Context, source: TreeSource): Promise<Tree>;
}

export type TreeSource =
  /** A trusted host directory with content that is not. */
  | { readonly kind: 'directory'; readonly path: string }
  /** What the steps mount at host path `root`, seen by the tree alone: they run in a mount namespace of its own. */
  | { readonly kind: 'mounted'; readonly operations: Plan['child']; readonly root: string }
  /** The root of a live process. `bare`: only the filesystem at its root, nothing of what is mounted below it. */
  | { readonly kind: 'process'; readonly pid: number; readonly bare: boolean };

export interface Tree extends AsyncDisposable {
  /**
   * What is at `path`; the last component is followed when `follow`. Undefined when nothing is there. `path` of the answer is where
   * it really is below the root, links resolved (the last one too, when followed).
   */
  stat(context: Context, path: string, follow: boolean): Promise<TreeStat | undefined>;
  /**
   * The object at `path` (not followed) and all below it, parents before children, names sorted bytewise: headers, each followed by its
   * data when it is a file with some. Names are relative to `path`, which itself is ".". A further name of a file that came before is
   * a hard link to that name. Sockets are left out. Fails with `not-found`.
   */
  read(context: Context, path: string, options: TreeReadOptions): AsyncIterable<TreePart>;
  /**
   * Makes objects below the directory at `path` (followed). Names are relative to it, "." is the directory itself; they are resolved below
   * the tree's root, and missing parents are made (root:root, 0755). What is there is replaced, except that a directory keeps its content
   * when a directory comes. Owner, mode, times and extended attributes are as the headers say. Fails with `invalid-argument` on names
   * that lead out of the tree or are impossible, with `conflict` per `keepKinds`, with `exhausted` when the disk is full; what was written
   * before stays. The parts may come from another tree's `read`, but not from this one's, whose turn would never come.
   */
  write(
    context: Context,
    path: string,
    parts: AsyncIterable<TreePart>,
    options: TreeWriteOptions,
  ): Promise<void>;
}

export type { TreePart } from '../../oci/tar/part.ts';

export interface TreeReadOptions {
  /** Whether files' bytes are sent; without them there are only headers. */
  readonly data: boolean;
  /** Extended attributes to send, by prefix: ["security.capability", "user."]. */
  readonly xattrs: readonly string[];
  /** Whether to go on into what is mounted below. */
  readonly crossMounts: boolean;
}

export interface TreeWriteOptions {
  /** A directory does not replace another kind of object, nor the reverse: `conflict`, as `docker cp` wants it. */
  readonly keepKinds: boolean;
}

export interface TreeStat {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';
  /** Permission, setuid, setgid and sticky bits (07777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Byte string; of a symbolic link. */
  readonly linkTarget: string;
  /** Whether it lies on a mount that is read-only. */
  readonly readOnly: boolean;
}
