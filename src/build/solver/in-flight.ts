import type { Context } from '../../base/context.ts';
import { SharedWork } from '../../base/shared-work.ts';
import type { LayerLease } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';

/** Steps under way, by key: builds that want the same one wait for one of them, and all hold what it made. */
export class InFlight {
  readonly #work = new SharedWork<readonly Digest[]>();

  async run(
    context: Context,
    key: Digest,
    lease: LayerLease,
    make: (context: Context) => Promise<readonly Digest[]>,
  ): Promise<readonly Digest[]> {
    const layers = await this.#work.run(context, key, make);
    for (const layer of layers) lease.hold(layer);
    return layers;
  }
}
