import type { Context } from '../../base/context.ts';
import type { ImageMaker, LayerLease } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { tarEnd } from '../../oci/tar/writer.ts';
import type { SnapshotDriver } from '../../snapshots/contract.ts';

export interface EmptyLayerParts {
  readonly imageMaker: Pick<ImageMaker, 'receiveLayer'>;
  readonly snapshots: Pick<SnapshotDriver, 'hasLayer'>;
}

/** Gives the layer without anything in it, held by the lease. */
export type EmptyLayer = (context: Context, lease: LayerLease) => Promise<Digest>;

/** BuildKit's images have it for each step that has changed nothing. */
export function createEmptyLayer({ imageMaker, snapshots }: EmptyLayerParts): EmptyLayer {
  let known: Digest | undefined;
  return async (context, lease) => {
    if (known !== undefined) {
      lease.hold(known);
      if (await snapshots.hasLayer(known)) return known;
    }
    known = (await imageMaker.receiveLayer(context, lease, emptyTar())).diffId;
    return known;
  };
}

async function* emptyTar(): AsyncGenerator<Uint8Array, void, void> {
  yield tarEnd;
}
