import { invalid } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Manifest } from '../oci/image.ts';
import { isIndexType, mediaTypes } from '../oci/media-types.ts';
import { parseJsonObject } from './config.ts';
import type { IndexedManifest, IndexRecord } from './index-store.ts';
import { asManifest, isDescriptor, MAX_MANIFEST_BYTES } from './manifest.ts';

/** Manifests of one index that are looked at; real ones have some dozens. */
const MAX_MANIFESTS = 1_024;

/** What BuildKit calls the manifest of statements about another, and the annotation that names that one (its attestation-storage page). */
export const REFERENCE_TYPE = 'vnd.docker.reference.type';
export const REFERENCE_DIGEST = 'vnd.docker.reference.digest';
export const ATTESTATION = 'attestation-manifest';

/** The media type of a document that is an index; undefined for any other. */
function indexTypeOf(document: JsonObject): string | undefined {
  const { mediaType, manifests, config, layers } = document;
  if (!Array.isArray(manifests) || config !== undefined || layers !== undefined) return undefined;
  if (mediaType === undefined) return mediaTypes.ociIndex;
  return typeof mediaType === 'string' && isIndexType(mediaType) ? mediaType : undefined;
}

/** An index's document. */
export interface ParsedIndex {
  readonly mediaType: string;
  readonly descriptors: readonly Descriptor[];
}

/** Fails with `invalid-argument` on a document that is no index. */
export function parseIndex(bytes: Uint8Array): ParsedIndex {
  const document = parseJsonObject(bytes, 'image index');
  const mediaType = indexTypeOf(document);
  const descriptors = document['manifests'];
  if (mediaType === undefined || !Array.isArray(descriptors) || !descriptors.every(isDescriptor)) {
    throw invalid('invalid image index: manifests must be a list of descriptors, and nothing else');
  }
  if (descriptors.length > MAX_MANIFESTS)
    throw invalid(`invalid image index: more than ${MAX_MANIFESTS} manifests`);
  return { mediaType, descriptors: (descriptors as Descriptor[]).map(checkedPlatform) };
}

/**
 * What an index says and what of it is here: manifests among the blobs are looked into, indexes in it are not followed. Fails with
 * `invalid-argument` on a document that is no index.
 */
export async function readIndex(
  content: ContentStore,
  digest: Digest,
  bytes: Uint8Array,
): Promise<IndexRecord> {
  const { mediaType, descriptors } = parseIndex(bytes);
  const manifests = await Promise.all(descriptors.map((descriptor) => lookInto(content, descriptor)));
  return { digest, mediaType, size: bytes.length, manifests };
}

async function lookInto(content: ContentStore, descriptor: Descriptor): Promise<IndexedManifest> {
  const manifest = await manifestHere(content, descriptor);
  const kind = kindOf(descriptor, manifest);
  if (manifest === undefined) return { descriptor, kind, image: undefined, blobs: undefined };
  if (kind === 'image') return { descriptor, kind, image: manifest.config.digest, blobs: undefined };
  const blobs = [manifest.config, ...manifest.layers].map((blob) => blob.digest);
  const found = await Promise.all(blobs.map((blob) => content.stat(blob)));
  const isWhole = found.every((blob) => blob !== undefined);
  return { descriptor, kind, image: undefined, blobs: isWhole ? blobs : undefined };
}

async function manifestHere(
  content: ContentStore,
  { digest, size, mediaType }: Descriptor,
): Promise<Manifest | undefined> {
  if (size > MAX_MANIFEST_BYTES || isIndexType(mediaType)) return undefined;
  if ((await content.stat(digest))?.size !== size) return undefined;
  const document = parseJsonObject(await content.readAll(digest, MAX_MANIFEST_BYTES), 'image manifest');
  // What is stored need not be a manifest just because an index says so.
  return isJsonObject(document['config']) && Array.isArray(document['layers'])
    ? asManifest(document)
    : undefined;
}

export function kindOf(
  { annotations, platform, artifactType, mediaType }: Descriptor,
  manifest: Manifest | undefined,
): IndexedManifest['kind'] {
  if (annotations?.[REFERENCE_TYPE] === ATTESTATION) return 'attestation';
  const type = manifest?.config.mediaType ?? mediaTypes.ociConfig;
  const isImage = type === mediaTypes.ociConfig || type === mediaTypes.dockerConfig;
  if (!isImage || manifest?.artifactType !== undefined || artifactType !== undefined) return 'unknown';
  return platform?.os === 'unknown' || isIndexType(mediaType) ? 'unknown' : 'image';
}

function checkedPlatform(descriptor: Descriptor): Descriptor {
  const { platform, annotations } = descriptor as { platform?: unknown; annotations?: unknown };
  const isText = (value: unknown): boolean => value === undefined || typeof value === 'string';
  const isPlatform =
    platform === undefined ||
    (isJsonObject(platform) &&
      typeof platform['os'] === 'string' &&
      typeof platform['architecture'] === 'string' &&
      isText(platform['variant']));
  const areAnnotations =
    annotations === undefined || (isJsonObject(annotations) && Object.values(annotations).every(isText));
  if (isPlatform && areAnnotations) return descriptor;
  throw invalid('invalid image index: a descriptor has a platform or annotations that are none');
}
