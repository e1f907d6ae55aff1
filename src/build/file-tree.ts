import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { TarHeader } from '../oci/tar/writer.ts';
import type { TreePart } from '../runtime/trees/contract.ts';

/**
 * Files that a build can copy from: a context, a download, a checkout, a filesystem. Paths are byte strings, absolute and clean ("/a/b");
 * "/" is the root. No path leads through a symbolic link: whoever wants one followed does so with `followLinks`.
 */
export interface FileTree {
  /** Of everything that it says but times: two trees of one digest make the same layers. */
  readonly digest: Digest;
  /** The same of the object at a path, as `TreeHash` has it, where that is known without reading. */
  digestAt?(path: string): Digest | undefined;
  /** The same without some files, by their paths below it ("a/b"). */
  withoutFiles?(paths: readonly string[]): FileTree;
  /** What is at a path; undefined when nothing is, or when the way there leads through something that is no directory. */
  stat(context: Context, path: string): Promise<FileEntry | undefined>;
  /** The names in a directory, sorted bytewise; none where there is no directory. */
  names(context: Context, path: string): Promise<readonly string[]>;
  /**
   * The object at a path and all below it, parents first, names sorted bytewise: `header.name` is relative to the path, which itself is ".".
   * Fails with `not-found`.
   */
  list(context: Context, path: string): AsyncIterable<FileEntry>;
  /** What `list` says without what would have to be read for it, where that is less. */
  headers?(context: Context, path: string): AsyncIterable<TarHeader>;
  /**
   * The same as `list` with the files' bytes: headers, each followed by its data. Only what is wanted. Data are good until the
   * next header is asked for.
   */
  read(context: Context, path: string, wanted: Wanted): AsyncIterable<TreePart>;
}

/** Whether something is wanted, by its name relative to what is read. */
export type Wanted = (name: string, isDirectory: boolean) => boolean;

export interface FileEntry {
  readonly header: TarHeader;
  /** Of a file's bytes; undefined where they would have to be read for it (`stat`), and for all that is no file. */
  readonly content: Digest | undefined;
}
