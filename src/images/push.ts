import type { Context } from '../base/context.ts';
import { invalid, notFound } from '../base/errors.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { formatPlatform, platformFit } from '../oci/platform.ts';
import {
  familiarReference,
  familiarRepository,
  formatReference,
  parseReference,
  type Reference,
  repositoryOf,
} from '../oci/reference.ts';
import { platformOf } from './config.ts';
import type { PushedImage } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import { encodeDockerManifest } from './manifest.ts';
import type { PushDestination } from './push-destination.ts';
import { FormGone, type LayerPushes, type PushedLayer, type PushListener } from './push-layers.ts';
import { readStoredManifest, type StoredManifest } from './stored-manifest.ts';

/** An image and the tag that it is to get in the registry. */
export interface TaggedImage {
  readonly tag: string;
  readonly image: ImageRecord;
}

/** What a reference means to push: one tag, or without one all of the repository's. Fails with `not-found` in dockerd's words. */
export function imagesToPush(store: ImageStore, reference: Reference): TaggedImage[] {
  if (reference.digest !== undefined) throw invalid('cannot push a digest reference');
  const prefix = `${repositoryOf(reference)}`;
  const names = [...store.references()].map(parseReference).filter((name) => repositoryOf(name) === prefix);
  const familiar = familiarRepository(reference);
  if (names.length === 0) throw notFound(`An image does not exist locally with the tag: ${familiar}`);
  if (reference.tag !== undefined) {
    const image = store.resolve(formatReference(reference));
    if (image === undefined) throw notFound(`tag does not exist: ${familiarReference(reference)}`);
    return [{ tag: reference.tag, image }];
  }
  const tagged = names.sort(byTag).flatMap((name) => {
    const image = store.resolve(formatReference(name));
    return name.tag === undefined || image === undefined ? [] : [{ tag: name.tag, image }];
  });
  if (tagged.length === 0) throw notFound(`no tags to push for ${familiar}`);
  return tagged;
}

function byTag(one: Reference, other: Reference): number {
  return (one.tag ?? '') < (other.tag ?? '') ? -1 : 1;
}

/** Fails with `not-found` in dockerd's words when the image is for another platform than the one that is asked for. */
export function requirePlatform(image: ImageRecord, name: string, wanted: Platform | undefined): void {
  if (wanted === undefined || platformFit(wanted, platformOf(image.config)) > 0) return;
  throw notFound(
    `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(wanted)})`,
  );
}

export interface PushParts {
  readonly content: ContentStore;
  readonly layers: LayerPushes;
  readonly destination: PushDestination;
  readonly listener: PushListener;
}

/** What an image is in a registry now. */
export interface PushedManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/**
 * Brings one image under one tag to its registry. With the manifest that it came with, byte for byte, where its layers are still to be
 * had in the same form; else with one that says the same as Docker does.
 */
export async function pushImage(
  context: Context,
  parts: PushParts,
  { image, tag }: TaggedImage,
): Promise<PushedImage & PushedManifest> {
  using lease = parts.content.lease();
  for (const digest of [image.id, ...image.config.rootfs.diff_ids]) lease.hold(digest);
  const stored = await readStoredManifest(parts.content, image);
  const isPushed = stored !== undefined && (await pushStored(context, parts, stored, lease));
  const { bytes, mediaType } = isPushed ? stored : await pushMade(context, parts, image, lease);
  const digest = await parts.destination.putManifest(context, tag, mediaType, bytes);
  return { tag, digest, size: bytes.length, bytes };
}

/** False when a layer is not to be had any more in the form that the manifest names. */
async function pushStored(
  context: Context,
  { layers, destination, listener }: PushParts,
  { manifest, forms }: StoredManifest,
  lease: Lease,
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

async function pushMade(
  context: Context,
  { content, layers, destination, listener }: PushParts,
  image: ImageRecord,
  lease: Lease,
): Promise<Pick<StoredManifest, 'bytes' | 'mediaType'>> {
  const pushed = image.config.rootfs.diff_ids.map((diffId): PushedLayer => ({ diffId, form: undefined }));
  const forms = await layers.push(context, destination, pushed, lease, listener);
  const config = await content.stat(image.id);
  if (config === undefined) throw notFound(`No such image: ${image.id}`);
  await destination.bring(context, config);
  return { bytes: encodeDockerManifest(config, forms), mediaType: mediaTypes.dockerManifest };
}
