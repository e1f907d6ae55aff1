import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import { type Digest, hexOf } from '../oci/digest.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { ImageMount } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';

/** Images that are mounted on the host, each under the name of its ID: what the kernel has mounted is all that is remembered. */
export class ImageMounts {
  readonly #store: ImageStore;
  readonly #snapshots: SnapshotDriver;

  constructor(store: ImageStore, snapshots: SnapshotDriver) {
    this.#store = store;
    this.#snapshots = snapshots;
  }

  list(): ImageMount[] {
    return [...this.#snapshots.shownViews()].map(([name, path]) => ({ id: `sha256:${name}`, path }));
  }

  pathOf(id: Digest): string | undefined {
    return this.#snapshots.shownViews().get(hexOf(id));
  }

  async mount(context: Context, { id, config }: ImageRecord): Promise<ImageMount> {
    const path = await this.#snapshots.showView(context, hexOf(id), config.rootfs.diff_ids);
    if (this.#store.get(id) !== undefined) return { id, path };
    await this.#snapshots.hideView(context, hexOf(id));
    throw notFound(`No such image: ${id}`, { hint: 'It was removed while it was being mounted.' });
  }

  unmount(context: Context, { id }: ImageRecord): Promise<boolean> {
    return this.#snapshots.hideView(context, hexOf(id));
  }
}
