import type { Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { parseReference } from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { ImageStore } from './image-store.ts';

/**
 * Decides which layers and blobs may go. A layer stays while an image needs it, or a snapshot (the driver's word). Receiving and removing
 * exclude each other: what is being received has no name yet, so a removal that comes meanwhile is made up for by a sweep afterwards.
 */
export class LayerKeeper {
  readonly #store: ImageStore;
  readonly #content: ContentStore;
  readonly #snapshots: SnapshotDriver;
  #receiving = 0;
  #sweepDue = false;
  #removing: Promise<unknown> = Promise.resolve();

  constructor(store: ImageStore, content: ContentStore, snapshots: SnapshotDriver) {
    this.#store = store;
    this.#content = content;
    this.#snapshots = snapshots;
  }

  /** Runs work that receives layers. When it fails, what it received is swept away. */
  async receiving<T>(context: Context, work: () => Promise<T>): Promise<T> {
    await this.#removalsDone();
    this.#receiving++;
    try {
      return await work();
    } catch (error) {
      this.#sweepDue = true;
      throw error;
    } finally {
      this.#receiving--;
      if (this.#sweepDue && this.#receiving === 0) await this.collect(context);
    }
  }

  /** Drops those of the layers, and of the configurations and manifests, that nothing needs any more. */
  async dropUnused(context: Context, layers: Iterable<Digest>, documents: Iterable<Digest>): Promise<void> {
    await this.#exclusively(async () => {
      const needed = this.#needed();
      for (const document of documents) {
        if (!needed.has(document)) await this.#content.delete(document);
      }
      for (const layer of new Set(layers)) {
        if (!needed.has(layer)) await this.#drop(context, layer);
      }
    });
  }

  /** Drops everything that nothing needs: what a failure or a killed daemon left. */
  async collect(context: Context): Promise<void> {
    await this.#exclusively(async () => {
      this.#sweepDue = false;
      const needed = this.#needed();
      for await (const layer of this.#snapshots.layers()) {
        if (!needed.has(layer) && !(await this.#drop(context, layer))) needed.add(layer);
      }
      await this.#content.collect(context, (digest) => needed.has(digest));
    });
  }

  /** Configurations, manifests and layers of all images. */
  #needed(): Set<Digest> {
    const needed = new Set<Digest>();
    for (const reference of this.#store.references()) {
      const { digest } = parseReference(reference);
      if (digest !== undefined) needed.add(digest);
    }
    for (const image of this.#store.all()) {
      needed.add(image.id);
      if (image.manifest !== undefined) needed.add(image.manifest);
      for (const layer of image.config.rootfs.diff_ids) needed.add(layer);
    }
    return needed;
  }

  /** False when a snapshot still uses the layer: it then goes with a later sweep. */
  async #drop(context: Context, layer: Digest): Promise<boolean> {
    try {
      await this.#snapshots.removeLayer(context, layer);
    } catch (error) {
      if (isCode(error, 'conflict')) return false;
      throw error;
    }
    await this.#content.delete(layer);
    return true;
  }

  /** One removal at a time, and none while something is received. */
  async #exclusively(work: () => Promise<void>): Promise<void> {
    const run = this.#removing.then(async () => {
      if (this.#receiving > 0) this.#sweepDue = true;
      else await work();
    });
    this.#removing = run.catch(() => {});
    await run;
  }

  /** Resolves at a moment when no removal runs or is queued. */
  async #removalsDone(): Promise<void> {
    for (let awaited: unknown; awaited !== this.#removing; ) {
      awaited = this.#removing;
      await awaited;
    }
  }
}
