import type { Context } from '../../base/context.ts';
import { SharedWork } from '../../base/shared-work.ts';
import type { ImageMaker, LayerLease } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';

/** Steps under way, by key: builds that want the same one wait for one of them, and all hold what it made. */
export class InFlight {
  readonly #work = new SharedWork<readonly Digest[]>();
  readonly #images: Pick<ImageMaker, 'leaseLayers'>;

  constructor(images: Pick<ImageMaker, 'leaseLayers'>) {
    this.#images = images;
  }

  /** `make` gets a lease of its own: whoever began it may be given up before it is done. */
  async run(
    context: Context,
    key: Digest,
    lease: LayerLease,
    make: (context: Context, lease: LayerLease) => Promise<readonly Digest[]>,
  ): Promise<readonly Digest[]> {
    const layers = await this.#work.run(context, key, (own) => this.#make(own, make));
    for (const layer of layers) lease.hold(layer);
    return layers;
  }

  async #make(
    context: Context,
    make: (context: Context, lease: LayerLease) => Promise<readonly Digest[]>,
  ): Promise<readonly Digest[]> {
    const own = this.#images.leaseLayers(context);
    try {
      return await make(context, own);
    } finally {
      // By the next turn of the loop all who waited hold the layers.
      setImmediate(() => own[Symbol.dispose]());
    }
  }
}
