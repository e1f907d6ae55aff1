import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import { type Digest, digestOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { ImageRecord } from './image-store.ts';
import type { IndexRecord } from './index-store.ts';
import { encodeDockerManifest, MAX_MANIFEST_BYTES } from './manifest.ts';
import type { PushDestination } from './push-destination.ts';
import { FormGone, type LayerPushes, type PushedLayer, type PushListener } from './push-layers.ts';
import type { PlannedPush } from './push-plan.ts';
import type { StoredManifest } from './stored-manifest.ts';
import type { WholeIndex } from './whole-index.ts';

export interface PushParts {
  readonly content: ContentStore;
  readonly layers: LayerPushes;
  readonly destination: PushDestination;
  readonly listener: PushListener;
  /** Holds all that is pushed. */
  readonly lease: Lease;
}

/** What something is in a registry now. */
export interface PushedManifest {
  readonly tag: string;
  /** The image, or of an index the one that suits this host. */
  readonly image: ImageRecord;
  readonly index: IndexRecord | undefined;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** Brings what was planned under its tag to its registry, blobs first and the manifest that names them last. */
export async function pushPlanned(
  context: Context,
  parts: PushParts,
  planned: PlannedPush,
): Promise<PushedManifest> {
  const { tag, image, index } = planned;
  const { bytes, mediaType } =
    index === undefined
      ? await pushImage(context, parts, planned)
      : await pushMembers(context, parts, image, index);
  const name = tag === '' ? digestOf(bytes) : tag;
  const digest = await parts.destination.putManifest(context, name, mediaType, bytes);
  return { tag, image, index: index?.record, digest, bytes };
}

type Document = Pick<StoredManifest, 'bytes' | 'mediaType'>;

/**
 * With a manifest that the image came with, byte for byte, where its layers are still to be had in the same form; else with one that says
 * the same as Docker does.
 */
async function pushImage(
  context: Context,
  parts: PushParts,
  { image, manifests }: PlannedPush,
): Promise<Document> {
  for (const stored of manifests) {
    if (await pushStored(context, parts, stored)) return stored;
  }
  return await pushMade(context, parts, image);
}

/** All that an index names, each manifest by its digest. */
async function pushMembers(
  context: Context,
  parts: PushParts,
  image: ImageRecord,
  { record, images }: WholeIndex,
): Promise<Document> {
  for (const { descriptor, blobs } of record.manifests) {
    const stored = images.get(descriptor.digest);
    if (stored !== undefined && !(await pushStored(context, parts, stored))) {
      throw notFound(`the layers of ${descriptor.digest} are not here any more`, {
        hint: `Pull or build ${image.id} again.`,
      });
    }
    for (const digest of blobs ?? []) await bringStored(context, parts, digest);
    const bytes = await parts.content.readAll(descriptor.digest, MAX_MANIFEST_BYTES);
    const mediaType = stored?.mediaType ?? descriptor.mediaType;
    await parts.destination.putManifest(context, descriptor.digest, mediaType, bytes);
  }
  const bytes = await parts.content.readAll(record.digest, MAX_MANIFEST_BYTES);
  return { bytes, mediaType: record.mediaType };
}

async function bringStored(
  context: Context,
  { content, destination }: PushParts,
  digest: Digest,
): Promise<void> {
  const blob = await content.stat(digest);
  if (blob === undefined) throw notFound(`content ${digest}: not found`);
  await destination.bring(context, blob);
}

/** False when a layer is not to be had any more in the form that the manifest names. */
async function pushStored(
  context: Context,
  { layers, destination, listener, lease }: PushParts,
  { manifest, forms }: StoredManifest,
): Promise<boolean> {
  const pushed = forms.map((form): PushedLayer => ({ diffId: form.diffId, form }));
  try {
    await layers.push(context, destination, pushed, lease, listener);
  } catch (error) {
    if (error instanceof FormGone) return false;
    throw error;
  }
  await destination.bring(context, manifest.config);
  return true;
}

async function pushMade(context: Context, parts: PushParts, image: ImageRecord): Promise<Document> {
  const { content, layers, destination, listener, lease } = parts;
  const pushed = image.config.rootfs.diff_ids.map((diffId): PushedLayer => ({ diffId, form: undefined }));
  const forms = await layers.push(context, destination, pushed, lease, listener);
  const config = await content.stat(image.id);
  if (config === undefined) throw notFound(`No such image: ${image.id}`);
  await destination.bring(context, config);
  return { bytes: encodeDockerManifest(config, forms), mediaType: mediaTypes.dockerManifest };
}
