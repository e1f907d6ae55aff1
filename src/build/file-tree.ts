import type { Digest } from '../oci/digest.ts';
import type { TarHeader } from '../oci/tar/writer.ts';

/**
 * Files that a build can copy from: a context, a download, a filesystem's view. Paths are byte strings relative to the tree's root
 * ("a/b"), never with "..", and no path leads through a symbolic link.
 */
export interface FileTree {
  /** Of everything that `entries` says but times: two trees of one digest make the same layers. */
  readonly digest: Digest;
  /** All but the root, sorted so that a directory comes right before what is in it. */
  entries(): AsyncIterable<FileEntry> | Iterable<FileEntry>;
  find(path: string): Promise<FileEntry | undefined>;
  /** The bytes of a file. */
  read(entry: FileEntry): AsyncIterable<Uint8Array>;
}

export interface FileEntry {
  /** `name` is the path. */
  readonly header: TarHeader;
  /** Of a file's bytes. */
  readonly content: Digest | undefined;
}
