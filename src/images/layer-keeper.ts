import { background, type Context } from '../base/context.ts';
import { isErrno } from '../base/errno.ts';
import { isCode } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { parseReference } from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { LayerLease } from './contract.ts';
import type { ImageStore } from './image-store.ts';
import { blobsOfIndex } from './index-store.ts';
import type { LayerForms } from './layer-forms.ts';

/** How long what is left of an unfinished download waits for the next try, milliseconds. */
const PARTIAL_LIFE = 24 * 60 * 60 * 1_000;

/** Later than every file. */
export const ALWAYS = new Date(8.64e15);

/**
 * Decides which layers and blobs may go. A layer stays while an image needs it, or a snapshot (the driver's word); its compressed forms stay
 * as long as it does. Receiving and removing exclude each other: what is being received has no name yet, so a removal that comes meanwhile
 * is made up for by a sweep afterwards. What a pull had received when it failed is set aside for the next try.
 */
export class LayerKeeper {
  readonly #store: ImageStore;
  readonly #content: ContentStore;
  readonly #snapshots: SnapshotDriver;
  readonly #forms: LayerForms;
  /** What leases hold, and how many times. */
  readonly #held = new Map<Digest, number>();
  readonly #others: () => Iterable<Digest>;
  /** Layers that were removed while others were received, and shall not be set aside. */
  readonly #removed = new Set<Digest>();
  /** Blobs that were to go while somebody read them. */
  readonly #left = new Set<Digest>();
  #receiving = 0;
  #sweepDue = false;
  #diskWasFull = false;
  #removing: Promise<unknown> = Promise.resolve();

  /** `others`: layers that are kept for more than images. */
  constructor(
    store: ImageStore,
    content: ContentStore,
    snapshots: SnapshotDriver,
    forms: LayerForms,
    others: () => Iterable<Digest> = () => [],
  ) {
    this.#store = store;
    this.#content = content;
    this.#snapshots = snapshots;
    this.#forms = forms;
    this.#others = others;
  }

  /** What it held is dropped at its end unless somebody needs it by then. */
  lease(context: Context): LayerLease {
    const own = new Set<Digest>();
    return {
      hold: (layer) => {
        if (own.has(layer)) return;
        own.add(layer);
        this.#held.set(layer, (this.#held.get(layer) ?? 0) + 1);
      },
      [Symbol.dispose]: () => {
        for (const layer of own) this.#release(layer);
        const needed = this.#needed();
        const unneeded = [...own].filter((layer) => !needed.has(layer));
        own.clear();
        if (unneeded.length === 0) return;
        const dropping = this.dropUnused(background(context.log), unneeded, []);
        dropping.catch((error) => context.log.warn('cannot drop layers', { error }));
      },
    };
  }

  #release(layer: Digest): void {
    const count = (this.#held.get(layer) ?? 1) - 1;
    if (count > 0) this.#held.set(layer, count);
    else this.#held.delete(layer);
  }

  /** Runs work that receives layers. When it fails, what it received is swept away. */
  async receiving<T>(context: Context, work: () => Promise<T>): Promise<T> {
    await this.#removalsDone();
    this.#receiving++;
    try {
      return await work();
    } catch (error) {
      this.#sweepDue = true;
      if (isErrno(error, 'ENOSPC', 'EDQUOT')) this.#diskWasFull = true;
      throw error;
    } finally {
      this.#receiving--;
      // Whoever gave up the work has not given up the sweep.
      if (this.#sweepDue && this.#receiving === 0) await this.collect(background(context.log));
    }
  }

  /** Runs work that reads blobs under leases of its own. What is removed meanwhile goes when it is over. */
  async reading<T>(context: Context, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await this.#dropLeft(background(context.log));
    }
  }

  /** The same for what is read bit by bit. */
  async *streaming<T>(context: Context, source: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    try {
      yield* source;
    } finally {
      await this.#dropLeft(background(context.log));
    }
  }

  async #dropLeft(context: Context): Promise<void> {
    const left = [...this.#left];
    this.#left.clear();
    if (left.length > 0) await this.dropUnused(context, [], left);
  }

  /** Drops those of the layers, and of the configurations and manifests, that nothing needs any more. */
  async dropUnused(context: Context, layers: Iterable<Digest>, documents: Iterable<Digest>): Promise<void> {
    const dropped = new Set(layers);
    await this.#exclusively(
      async () => {
        const needed = this.#needed();
        await this.#delete(
          context,
          [...documents].filter((document) => !this.#isNeeded(document, needed)),
        );
        for (const layer of dropped) {
          if (!this.#isKept(layer, needed)) await this.#drop(context, layer);
        }
      },
      () => {
        for (const layer of dropped) this.#removed.add(layer);
      },
    );
  }

  /** Drops everything that nothing needs: what a failure or a killed daemon left. */
  async collect(context: Context): Promise<void> {
    await this.#exclusively(async () => {
      this.#sweepDue = false;
      const needed = this.#needed();
      for await (const layer of this.#snapshots.layers()) {
        if (this.#isKept(layer, needed)) continue;
        const isDownload = !this.#diskWasFull && !this.#removed.has(layer);
        if (!(await this.#drop(context, layer, isDownload))) needed.add(layer);
      }
      const plain: Digest[] = [];
      await this.#content.collect(context, (digest) => {
        const isDownload = this.#isPlainDownload(digest, needed);
        if (isDownload) plain.push(digest);
        return isDownload || this.#isNeeded(digest, needed);
      });
      for (const tar of plain) await this.#content.setAside(tar);
      const oldest = this.#diskWasFull ? ALWAYS : new Date(Date.now() - PARTIAL_LIFE);
      await this.#content.dropPartials(context, oldest);
      this.#diskWasFull = false;
      this.#removed.clear();
    });
  }

  /**
   * Whether a tar came as it is and its layer was still to be made of it when all ended: it need not come again. Layers that are removed
   * take what is known of their forms with them.
   */
  #isPlainDownload(digest: Digest, needed: ReadonlySet<Digest>): boolean {
    if (this.#diskWasFull || this.#removed.has(digest) || this.#isKept(digest, needed)) return false;
    return this.#forms.get(digest)?.diffId === digest;
  }

  /** Whether an image needs a blob, as of now. */
  neededBlobs(): (digest: Digest) => boolean {
    const needed = this.#needed();
    return (digest) => this.#isNeeded(digest, needed);
  }

  /** Configurations, manifests and layers of all images and indexes; what leases hold, and what others keep. */
  #needed(): Set<Digest> {
    const needed = new Set<Digest>([...this.#held.keys(), ...this.#others()]);
    for (const reference of this.#store.references()) {
      const { digest } = parseReference(reference);
      if (digest !== undefined) needed.add(digest);
    }
    for (const image of this.#store.all()) {
      needed.add(image.id);
      if (image.manifest !== undefined) needed.add(image.manifest);
      for (const layer of image.config.rootfs.diff_ids) needed.add(layer);
    }
    for (const index of this.#store.indexes.all()) {
      for (const digest of blobsOfIndex(index)) needed.add(digest);
    }
    return needed;
  }

  /** Leases may have come since it was told what is needed: removals take their time. */
  #isKept(layer: Digest, needed: ReadonlySet<Digest>): boolean {
    return needed.has(layer) || this.#held.has(layer);
  }

  #isNeeded(digest: Digest, needed: ReadonlySet<Digest>): boolean {
    if (this.#isKept(digest, needed)) return true;
    const form = this.#forms.get(digest);
    return form !== undefined && this.#isKept(form.diffId, needed);
  }

  /** False when a snapshot still uses the layer: it then goes with a later sweep. Of a download the forms are set aside. */
  async #drop(context: Context, layer: Digest, isDownload = false): Promise<boolean> {
    try {
      await this.#snapshots.removeLayer(context, layer);
    } catch (error) {
      if (isCode(error, 'conflict')) return false;
      throw error;
    }
    const forms = this.#forms.of(layer).map(({ digest }) => digest);
    if (isDownload) for (const form of forms) await this.#content.setAside(form);
    await this.#delete(context, [layer, ...forms]);
    this.#forms.removeOf(layer);
    return true;
  }

  /** What somebody reads under a lease stays until they are done. */
  async #delete(context: Context, digests: readonly Digest[]): Promise<void> {
    await this.#content.collect(context, () => false, digests);
    for (const digest of digests) {
      if ((await this.#content.stat(digest)) !== undefined) this.#left.add(digest);
    }
  }

  /** One removal at a time, and none while something is received: then it is `deferred` to the sweep. */
  async #exclusively(work: () => Promise<void>, deferred: () => void = () => {}): Promise<void> {
    const run = this.#removing.then(async () => {
      if (this.#receiving === 0) return await work();
      this.#sweepDue = true;
      deferred();
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
