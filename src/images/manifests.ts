import type { ContentStore } from '../content/contract.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import type { Descriptor, Platform } from '../oci/image.ts';
import { platformOf } from './config.ts';
import type { ImageManifest, ImageManifests } from './contract.ts';
import type { ImageRecord, ImageStore } from './image-store.ts';
import type { IndexedManifest, IndexRecord } from './index-store.ts';
import { manifestHere, REFERENCE_DIGEST } from './read-index.ts';
import type { Target } from './resolve.ts';
import { readStoredManifest } from './stored-manifest.ts';

export interface ManifestParts {
  readonly store: ImageStore;
  readonly content: ContentStore;
}

/** The manifests that an image is listed with: those of the index that was meant, or else of those that have its names, or its own. */
export async function describeManifests(parts: ManifestParts, target: Target): Promise<ImageManifests> {
  const indexes = target.index === undefined ? indexesNaming(parts.store, target.image) : [target.index];
  const [first] = indexes;
  if (first === undefined) return describeOwn(parts, target.image, target.image.manifest);
  const all = indexes.flatMap((index) => index.manifests);
  const manifests = [...new Map(all.map((one) => [one.descriptor.digest, one])).values()];
  const { digest, mediaType, size } = first;
  const described: ImageManifest[] = [];
  for (const one of manifests) described.push(await describeManifest(parts, one));
  return { target: { mediaType, digest, size }, manifests: described };
}

/** The manifest of one image, as the index has it that was meant. */
export function describeOnly(parts: ManifestParts, { image, index }: Target): Promise<ImageManifests> {
  const indexed = index?.manifests.find((one) => one.image === image.id);
  return describeOwn(parts, image, indexed?.descriptor.digest ?? image.manifest);
}

async function describeOwn(
  parts: ManifestParts,
  image: ImageRecord,
  manifest: Digest | undefined,
): Promise<ImageManifests> {
  const stored = await readStoredManifest(parts.content, image, manifest);
  if (stored === undefined) return { target: undefined, manifests: [] };
  const descriptor = { mediaType: stored.mediaType, digest: stored.digest, size: stored.bytes.length };
  const own = { descriptor, kind: 'image' as const, image: image.id, blobs: undefined };
  return { target: descriptor, manifests: [await describeManifest(parts, own)] };
}

/** The indexes that names of the image stand for. */
function indexesNaming(store: ImageStore, image: ImageRecord): IndexRecord[] {
  const indexes = store.referencesOf(image.id).map((name) => store.indexOf(name));
  return [...new Set(indexes)].filter((index) => index !== undefined);
}

async function describeManifest(parts: ManifestParts, one: IndexedManifest): Promise<ImageManifest> {
  const { descriptor, kind } = one;
  const image = one.image === undefined ? undefined : parts.store.get(one.image);
  const subject = descriptor.annotations?.[REFERENCE_DIGEST];
  return {
    ...{ descriptor, kind },
    available: kind === 'image' ? image !== undefined : one.blobs !== undefined,
    contentSize: await contentSize(parts.content, descriptor),
    platform: kind === 'image' ? shownPlatform(one, image) : undefined,
    image: image?.id,
    unpackedSize: image?.layerSizes.reduce((sum, size) => sum + size, 0) ?? 0,
    subject: kind === 'attestation' && isDigest(subject ?? '') ? (subject as Digest) : undefined,
  };
}

function shownPlatform({ descriptor }: IndexedManifest, image: ImageRecord | undefined): Platform {
  if (descriptor.platform !== undefined) return descriptor.platform;
  return image === undefined ? { architecture: '', os: '' } : platformOf(image.config);
}

/** Bytes of a manifest and of the blobs that it names, each counted once, as far as they are here. */
async function contentSize(content: ContentStore, descriptor: Descriptor): Promise<number> {
  const manifest = await manifestHere(content, descriptor);
  if (manifest === undefined) return 0;
  const blobs = new Set([manifest.config, ...manifest.layers].map((blob) => blob.digest));
  const found = await Promise.all([...blobs].map((blob) => content.stat(blob)));
  return found.reduce((sum, blob) => sum + (blob?.size ?? 0), descriptor.size);
}
