import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import { peek } from '../oci/compression.ts';
import type { ImageConfig } from '../oci/image.ts';
import { BLOCK } from '../oci/tar/entry.ts';
import { isZeroBlock } from '../oci/tar/header.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import { encodeImageConfig } from './config.ts';
import type { CommitRequest } from './contract.ts';
import type { NewImage } from './image-ledger.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import { type ReceivedLayer, receiveLayer } from './receive-layer.ts';

/** Receives the layer, if it says anything, and describes the image that it makes over its parent's. */
export async function commitLayer(
  context: Context,
  store: ImageStore,
  snapshots: SnapshotDriver,
  request: CommitRequest,
): Promise<{ readonly image: NewImage; readonly configBytes: Uint8Array }> {
  const parent = request.parent === undefined ? undefined : store.get(request.parent);
  if (request.parent !== undefined && parent === undefined)
    throw notFound(`No such image: ${request.parent}`);
  const layer = request.layer && (await receiveUnlessEmpty(context, snapshots, request.layer));
  const config = childConfig(parent, layer, request);
  const { bytes, id } = encodeImageConfig(config);
  const layerSizes = [...(parent?.layerSizes ?? []), ...(layer === undefined ? [] : [layer.size])];
  return { image: { id, config, layerSizes, parent: parent?.id }, configBytes: bytes };
}

/** An archive that begins with its end marker changes nothing, and needs no layer. */
async function receiveUnlessEmpty(
  context: Context,
  snapshots: SnapshotDriver,
  tar: AsyncIterable<Uint8Array>,
): Promise<ReceivedLayer | undefined> {
  const { head, rest } = await peek(tar, BLOCK);
  const block = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, BLOCK));
  if (head.length > 0 && !isZeroBlock(block)) return receiveLayer(context, snapshots, rest);
  // To its end: a writer must not wait for ever.
  for await (const _ of rest);
  return undefined;
}

/** Keys as dockerd's commit sets them, in the order of their names. */
function childConfig(
  parent: ImageRecord | undefined,
  layer: ReceivedLayer | undefined,
  request: CommitRequest,
): ImageConfig {
  const { architecture, os, variant, 'os.version': version, 'os.features': features } = request.platform;
  const created = request.created.toISOString();
  const { author, comment, createdBy } = request;
  const step = {
    created,
    created_by: createdBy,
    ...(author === '' ? {} : { author }),
    ...(comment === '' ? {} : { comment }),
    ...(layer === undefined ? { empty_layer: true } : {}),
  };
  const below = parent?.config.rootfs.diff_ids ?? [];
  return {
    architecture,
    ...(author === '' ? {} : { author }),
    config: request.config,
    created,
    history: [...(parent?.config.history ?? []), step],
    os,
    ...(features === undefined ? {} : { 'os.features': features }),
    ...(version === undefined ? {} : { 'os.version': version }),
    rootfs: { type: 'layers', diff_ids: layer === undefined ? below : [...below, layer.diffId] },
    ...(variant === undefined ? {} : { variant }),
  };
}
