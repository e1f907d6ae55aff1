import type { Context } from '../base/context.ts';
import type { Digest } from '../oci/digest.ts';
import type { Plan } from '../plan/operations.ts';

/**
 * Snapshots: filesystems made of layers.
 *
 * A *layer* is what one layer tar says, named by its diff ID (the digest of the uncompressed tar), independent of the layers
 * under it. The tar itself is a blob in the content store under the same digest, so save and push give back the same bytes.
 * A *snapshot* is a writable directory over a stack of layers, named by a key (a container's ID). Below the layers lies the
 * *scaffold*: the mount points that every container's root has, where the image lacks them.
 *
 * `unpack` makes a layer known (index or directory, idempotent, crash-safe); `removeLayer` forgets it. `prepare` makes a
 * snapshot, `remove` deletes it. Nothing is mounted until `mount` is asked for a plan part.
 */
export interface SnapshotDriver {
  /** As shown in `info` and inspect: "erofs", "overlay". */
  readonly name: string;
  /** Makes a layer of the tar blob `diffId`, which is in the content store. Fails with `invalid-argument` on a hostile or broken tar. */
  unpack(context: Context, diffId: Digest): Promise<void>;
  /** A layer that is being streamed in: bytes go to the content store and to the layer at once, without a second pass. */
  receive(context: Context, expected?: { readonly diffId?: Digest }): Promise<LayerReceiver>;
  hasLayer(diffId: Digest): Promise<boolean>;
  /** Fails with `conflict` while a snapshot uses it. */
  removeLayer(context: Context, diffId: Digest): Promise<void>;
  layers(): AsyncIterable<Digest>;
  /** Bytes on disk of what is kept of a layer besides its tar; 0 when it is not known. */
  layerUsage(diffId: Digest): Promise<number>;

  /** A new writable snapshot; `layers` bottom first. Fails with `conflict` if `key` exists. */
  prepare(context: Context, key: string, layers: readonly Digest[]): Promise<void>;
  /** Deletes a snapshot; a missing one is fine. */
  remove(context: Context, key: string): Promise<void>;
  snapshots(): AsyncIterable<string>;
  /** Plan steps that put the snapshot's root at host path `target` (an existing directory), in the caller's mount namespace. */
  mount(context: Context, key: string, target: string): Promise<SnapshotMount>;
  /** A read-only view of what lies below a snapshot's writable part, the scaffold included. */
  below(context: Context, key: string, target: string): Promise<SnapshotMount>;
  /** A read-only view of layers without a snapshot. */
  view(context: Context, layers: readonly Digest[], target: string): Promise<SnapshotMount>;
  /** Mounts a view on the host under a name, unless that is mounted already, and returns its path. It outlives the daemon. */
  showView(context: Context, name: string, layers: readonly Digest[]): Promise<string>;
  /** False when it was not mounted. */
  hideView(context: Context, name: string): Promise<boolean>;
  /** Paths of the views on the host, by name. */
  shownViews(): ReadonlyMap<string, string>;
  /** Host directory that holds what the snapshot changed (overlay upper layout). */
  changesPath(key: string): string;
  /** Bytes and inodes in the writable part. */
  usage(key: string): Promise<{ readonly bytes: number; readonly inodes: number }>;
  /** The `GraphDriver.Data` of inspect. */
  describe(key: string): Record<string, string>;
  /** Gives up shared mounts that no snapshot in `inUse` needs (at daemon stop and after removals). */
  release(context: Context, inUse: ReadonlySet<string>): Promise<void>;
}

export interface SnapshotMount {
  /** For the child stage, before the root is pivoted. */
  readonly operations: Plan['child'];
}

/** Disposing without commit cancels. */
export interface LayerReceiver extends AsyncDisposable {
  /** Bytes of the uncompressed tar. */
  write(chunk: Uint8Array): Promise<void>;
  /** Verifies, makes blob and layer durable, returns the diff ID and the tar's size in bytes. Fails with `data-loss` on another diff ID. */
  commit(): Promise<{ readonly diffId: Digest; readonly size: number }>;
  cancel(): Promise<void>;
}
