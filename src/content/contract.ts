import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';

/**
 * Content: immutable blobs, named by their sha256.
 *
 * Life cycle: a *writer* collects bytes in a temporary file; `commit` verifies size and digest, makes the bytes durable
 * (fsync, rename, fsync of the directory) and visible at once; `cancel` forgets them. A blob stays while something
 * refers to it. Who refers is the owner's business: it gives its roots to `collect`. What is in use but not yet
 * rooted (a pull under way) is held by a *lease*; `collect` never removes what is rooted, leased, or being written.
 */
export interface ContentStore {
  /** Size in bytes and last change of a blob, or undefined. */
  stat(digest: Digest): Promise<BlobInfo | undefined>;
  /** All or part of a blob, streamed. Fails with `not-found`. */
  read(
    digest: Digest,
    range?: { readonly offset: number; readonly length?: number },
  ): AsyncIterable<Uint8Array>;
  /** A whole small blob (config, manifest). Fails with `not-found`, and with `exhausted` above `limit` bytes. */
  readAll(digest: Digest, limit: number): Promise<Uint8Array>;
  writer(context: Context): Promise<ContentWriter>;
  /**
   * The *partial* of a blob that is not here yet: a writer that goes on where an earlier one for the same digest was left, in this
   * process's life or before. One at a time for each digest: a second waits for the first to close. Fails with `conflict` if the blob is here.
   */
  partial(context: Context, digest: Digest): Promise<PartialWriter>;
  /** Makes a blob a partial that has all its bytes already: out of sight, but not to be fetched again. A leased one stays, a missing one is fine. */
  setAside(digest: Digest): Promise<void>;
  /** Deletes partials that nobody writes and that were last written before `time`; returns the bytes freed. */
  dropPartials(context: Context, time: Date): Promise<number>;
  /** Bytes on disk of everything: blobs, partials, what writers have. */
  usage(): Promise<{ readonly blobs: number; readonly partials: number }>;
  list(): AsyncIterable<BlobInfo>;
  delete(digest: Digest): Promise<void>;
  lease(): Lease;
  /**
   * Deletes each blob (among those given, or all) that `isRooted` does not know and no lease holds; returns the bytes freed. Works beside
   * writers.
   */
  collect(context: Context, isRooted: (digest: Digest) => boolean, among?: Iterable<Digest>): Promise<number>;
}

/** A store whose blobs are files, which the kernel can mount from. */
export interface FileContentStore extends ContentStore {
  /** The absolute path that a blob has, or would have. */
  pathOf(digest: Digest): string;
  /** A blob's file for whoever writes and hashes it elsewhere, in another thread, and vouches for its digest. */
  file(context: Context): Promise<ContentFile>;
}

/** Disposing without publish cancels. By then nobody may write any more: the descriptor's number soon is another file's. */
export interface ContentFile extends AsyncDisposable {
  /** File descriptor, to be written from position 0. */
  readonly fd: number;
  /** Makes what was written durable and visible. Publishing what exists already is fine. */
  publish(digest: Digest, lease?: Lease): Promise<BlobInfo>;
  cancel(): Promise<void>;
}

export interface BlobInfo {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly modified: Date;
}

/** Disposing without commit cancels. */
export interface ContentWriter extends AsyncDisposable {
  write(chunk: Uint8Array): Promise<void>;
  /** Bytes written so far. */
  readonly size: number;
  /** Fails with `data-loss` when the bytes are not `expected`. Committing what exists already is fine. */
  commit(expected?: { readonly digest?: Digest; readonly size?: number }, lease?: Lease): Promise<BlobInfo>;
  cancel(): Promise<void>;
}

/** Disposing keeps what was written for the next one; `cancel` forgets it. `size` counts what was there before. */
export interface PartialWriter extends ContentWriter {
  /** What was there when it was opened, from the start: to be read before the first write. */
  readonly existing: AsyncIterable<Uint8Array>;
}

/** Keeps blobs from collection until disposed. */
export interface Lease extends Disposable {
  hold(digest: Digest): void;
}
