import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { formatReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { encodeImageConfig } from './config.ts';
import type {
  CreatedImage,
  CreateImageRequest,
  CreateIndexRequest,
  ImageIndex,
  ImageMaker,
  LayerLease,
} from './contract.ts';
import type { ImageRecord } from './image-store.ts';
import type { LayerKeeper } from './layer-keeper.ts';
import { type IndexParts, makeIndex, makeWithManifest } from './make-index.ts';
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts';

export interface ImageMakerParts extends IndexParts {
  readonly keeper: LayerKeeper;
  readonly snapshots: SnapshotDriver;
}

export function createImageMaker(parts: ImageMakerParts): ImageMaker {
  const { keeper, snapshots } = parts;
  return {
    leaseLayers: (context) => keeper.lease(context),
    receiveLayer: (context, lease, tar) =>
      keeper.receiving(context, () => receiveHeld(context, snapshots, lease, tar)),
    dropLayers: (context, layers) => keeper.dropUnused(context, layers, []),
    idOf: (config) => encodeImageConfig(config).id,
    create: (context, request) => keeper.receiving(context, () => createImage(context, parts, request)),
    createIndex: (context, request) => keeper.receiving(context, () => createIndex(context, parts, request)),
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
  parts: ImageMakerParts,
  request: CreateImageRequest,
): Promise<CreatedImage> {
  const { ledger } = parts;
  const { references, manifest } = request;
  const names = references.map(normalised);
  const { record, isNew } = await (manifest === undefined
    ? addImage(context, parts, request)
    : makeWithManifest(context, parts, request, manifest));
  for (const name of names) ledger.tag(record, name);
  return { ...ledger.describe(record), isNew };
}

async function addImage(
  context: Context,
  { ledger, content }: ImageMakerParts,
  { config, parent }: CreateImageRequest,
): Promise<{ readonly record: ImageRecord; readonly isNew: boolean }> {
  const layerSizes = await Promise.all(config.rootfs.diff_ids.map((layer) => sizeOf(content, layer)));
  const { bytes, id } = encodeImageConfig(config);
  return await ledger.enter(context, { id, config, layerSizes, parent }, bytes);
}

async function createIndex(
  context: Context,
  parts: ImageMakerParts,
  request: CreateIndexRequest,
): Promise<ImageIndex> {
  const references = request.references.map(normalised);
  const index = await makeIndex(context, parts, { ...request, references });
  for (const name of references) parts.ledger.announceTag(name);
  return index;
}

function normalised(name: string): string {
  return formatReference(withDefaultTag(parseReference(name)));
}

async function sizeOf(content: ContentStore, layer: Digest): Promise<number> {
  const blob = await content.stat(layer);
  if (blob === undefined) throw notFound(`layer ${layer} does not exist`);
  return blob.size;
}
