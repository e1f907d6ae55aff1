import type { Context } from '../base/context.ts';
import type { TreePart } from '../runtime/trees/contract.ts';

/**
 * Volumes: directories that outlive containers, each kept by a driver: `local`, or a plugin that speaks Docker's plugin protocol.
 *
 * A *user* is whatever needs a volume's data at hand for a while, a running container for instance, by an ID of its own. What a driver has
 * to mount is mounted for the first user and unmounted after the last. A *snapshot* is a read-only copy that is kept beside a local
 * volume and goes with it.
 */
export interface Volumes {
  /**
   * Makes the volume, or returns the one of that name (unchanged). An empty name gets 64 hex digits. Fails with `conflict` when another
   * driver has one of that name.
   */
  create(context: Context, request: VolumeRequest): Promise<Volume>;
  /** Fails with `not-found` "get X: no such volume". */
  get(name: string): Volume;
  list(): readonly Volume[];
  /** What the driver says of its state; undefined where it says nothing. Fails when a plugin does not answer. */
  status(context: Context, name: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Takes up what plugins in use have besides. Plugins that do not answer are passed over; returns a warning for each. */
  discover(context: Context): Promise<readonly string[]>;
  /** `force`: also where its driver is missing or fails. Fails with `conflict` while a container has it. */
  remove(context: Context, name: string, options?: { readonly force: boolean }): Promise<void>;
  /** Tells of volumes that were pruned. */
  pruned(bytes: number): void;

  /** Until it is disposed, the volume is neither removed nor renamed: for whoever is about to have it. Fails with `not-found`. */
  reserve(name: string): Disposable;
  /** The host directory with the data, which stays until `release`. A user may ask more than once and counts once. */
  acquire(context: Context, name: string, user: string): Promise<string>;
  /** What is not held is fine. */
  release(context: Context, name: string, user: string): Promise<void>;
  /** A user that had acquired the volume from an earlier daemon and still has it. */
  resume(name: string, user: string): void;
  /** Once after all `resume`s: unmounts what earlier daemons left without users, and empties what they left half-filled. */
  settle(context: Context): Promise<void>;

  /**
   * Gives an empty volume, or an empty directory `subpath` in it, its first content; "." of the parts is the directory itself. One that is
   * not empty, or not there, stays as it is. All or nothing, whenever the daemon dies. `content` is asked only when it is needed.
   */
  populate(
    context: Context,
    name: string,
    subpath: string,
    content: () => Promise<AsyncIterable<TreePart> | undefined>,
  ): Promise<void>;

  /** Fails with `conflict` while a container has it, or when the new name is taken. Local volumes only, as all that follows. */
  rename(context: Context, name: string, newName: string): Promise<Volume>;
  /** A new volume with the same content, labels and options; blocks are shared where the filesystem can. */
  clone(context: Context, name: string, newName: string): Promise<Volume>;
  snapshots(name: string): readonly VolumeSnapshot[];
  /** An empty snapshot name gets the time. Fails with `conflict` when there is one of that name. */
  snapshot(context: Context, name: string, snapshot: string): Promise<VolumeSnapshot>;
  /** Fails with `conflict` while a container that has the volume runs. */
  restore(context: Context, name: string, snapshot: string): Promise<void>;
  removeSnapshot(context: Context, name: string, snapshot: string): Promise<void>;
  /** A tar of all that is in the volume, with owners and extended attributes. The volume is held until it is read or given up. */
  export(context: Context, name: string): Promise<AsyncIterable<Uint8Array>>;
  /** Fills a new or empty volume from a tar in any compression. Fails with `conflict` on one with content. */
  import(context: Context, name: string, tar: AsyncIterable<Uint8Array>): Promise<Volume>;
}

export interface VolumeRequest {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

export interface Volume {
  readonly name: string;
  readonly driver: string;
  /** Host directory with the data; empty where a plugin has not told. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly created: Date;
  readonly anonymous: boolean;
  /** "local", or "global" for a plugin whose volumes all hosts share. */
  readonly scope: string;
}

export interface VolumeSnapshot {
  readonly name: string;
  readonly created: Date;
}
