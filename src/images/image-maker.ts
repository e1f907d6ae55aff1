import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { encodeImageConfig } from './config.ts';
import type { CreateImageRequest, Image, ImageMaker, LayerLease } from './contract.ts';
import type { ImageLedger } from './image-ledger.ts';
import type { LayerKeeper } from './layer-keeper.ts';
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts';

export interface ImageMakerParts {
  readonly ledger: ImageLedger;
  readonly keeper: LayerKeeper;
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
}

export function createImageMaker({ ledger, keeper, content, snapshots }: ImageMakerParts): ImageMaker {
  return {
    leaseLayers: (context) => keeper.lease(context),
    receiveLayer: (context, lease, tar) =>
      keeper.receiving(context, () => receiveHeld(context, snapshots, lease, tar)),
    dropLayers: (context, layers) => keeper.dropUnused(context, layers, []),
    create: (context, request) =>
      keeper.receiving(context, () => createImage(context, { ledger, content }, request)),
  };
}

async function receiveHeld(
  context: Context,
  snapshots: SnapshotDriver,
  lease: LayerLease,
  tar: AsyncIterable<Uint8Array>,
): Promise<ReceivedLayer> {
  const received = await receiveLayer(context, snapshots, tar);
  lease.hold(received.diffId);
  return received;
}

async function createImage(
  context: Context,
  { ledger, content }: Pick<ImageMakerParts, 'ledger' | 'content'>,
  { config, parent, references }: CreateImageRequest,
): Promise<Image> {
  const names = references.map((text) => formatReference(withDefaultTag(parseReference(text))));
  const layerSizes = await Promise.all(config.rootfs.diff_ids.map((layer) => sizeOf(content, layer)));
  const { bytes, id } = encodeImageConfig(config);
  const record = await ledger.add(context, { id, config, layerSizes, parent }, bytes);
  for (const name of names) ledger.tag(record, name);
  return ledger.describe(record);
}

async function sizeOf(content: ContentStore, layer: Digest): Promise<number> {
  const blob = await content.stat(layer);
  if (blob === undefined) throw notFound(`layer ${layer} does not exist`);
  return blob.size;
}
