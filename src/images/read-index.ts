import { invalid, isCode } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Manifest, Platform } from '../oci/image.ts';
import { isIndexType, mediaTypes } from '../oci/media-types.ts';
import { isTextList, parseJsonObject } from './config.ts';
import type { IndexedManifest, IndexRecord } from './index-store.ts';
import { isDescriptor, MAX_MANIFEST_BYTES, parseManifest } from './manifest.ts';

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
  if (bytes.length > MAX_MANIFEST_BYTES)
    throw invalid(`invalid image index: larger than ${MAX_MANIFEST_BYTES} bytes`);
  const document = parseJsonObject(bytes, 'image index');
  const mediaType = indexTypeOf(document);
  const descriptors = document['manifests'];
  if (mediaType === undefined || !Array.isArray(descriptors) || !descriptors.every(isDescriptor)) {
    throw invalid('invalid image index: manifests must be a list of descriptors, and nothing else');
  }
  if (descriptors.length > MAX_MANIFESTS)
    throw invalid(`invalid image index: more than ${MAX_MANIFESTS} manifests`);
  return { mediaType, descriptors: descriptors.map(asDescriptor) };
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
  const manifests = new Map<Digest, IndexedManifest>();
  const all: IndexedManifest[] = [];
  for (const descriptor of descriptors) {
    // What is named many times is read once.
    const known = manifests.get(descriptor.digest);
    const found = known === undefined ? await lookInto(content, descriptor) : sameAs(known, descriptor);
    manifests.set(descriptor.digest, known ?? found);
    all.push(found);
  }
  return { digest, mediaType, size: bytes.length, manifests: all };
}

/** A manifest under a further descriptor; as something else than the first one says it is nothing. */
function sameAs(known: IndexedManifest, descriptor: Descriptor): IndexedManifest {
  const typeOf = ({ annotations, platform, artifactType, mediaType }: Descriptor): string =>
    JSON.stringify([annotations?.[REFERENCE_TYPE], platform?.os === 'unknown', artifactType, mediaType]);
  const isSame = typeOf(known.descriptor) === typeOf(descriptor);
  return isSame
    ? { ...known, descriptor }
    : { descriptor, kind: 'unknown', image: undefined, blobs: undefined };
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

/** The manifest that a descriptor names, if it is here: what is stored need not be one just because an index says so. */
export async function manifestHere(
  content: ContentStore,
  { digest, size, mediaType }: Descriptor,
): Promise<Manifest | undefined> {
  if (size > MAX_MANIFEST_BYTES || isIndexType(mediaType)) return undefined;
  if ((await content.stat(digest))?.size !== size) return undefined;
  try {
    return parseManifest(await content.readAll(digest, MAX_MANIFEST_BYTES));
  } catch (error) {
    if (isCode(error, 'invalid-argument')) return undefined;
    throw error;
  }
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

/** What is known of descriptors, and nothing else. Fails with `invalid-argument` where a key has a value that it cannot have. */
function asDescriptor(value: Descriptor): Descriptor {
  const { mediaType, digest, size, urls, annotations, platform, artifactType } = value;
  const isFine =
    isOptional(urls, isTextList) &&
    isOptional(artifactType, isText) &&
    isOptional(platform, isPlatform) &&
    isOptional(annotations, (found) => isJsonObject(found) && Object.values(found).every(isText));
  if (!isFine) throw invalid(`invalid image index: the descriptor of ${digest} is out of order`);
  return {
    ...{ mediaType, digest, size },
    ...(urls == null ? {} : { urls }),
    ...(annotations == null ? {} : { annotations }),
    ...(platform == null ? {} : { platform: inOrder(platform) }),
    ...(artifactType == null ? {} : { artifactType }),
  };
}

function isOptional(value: unknown, accepts: (value: unknown) => boolean): boolean {
  return value === undefined || value === null || accepts(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isPlatform(value: unknown): boolean {
  return (
    isJsonObject(value) &&
    isText(value['os']) &&
    isText(value['architecture']) &&
    isOptional(value['variant'], isText) &&
    isOptional(value['os.version'], isText) &&
    isOptional(value['os.features'], isTextList)
  );
}

/** The keys that a platform has, as BuildKit writes them, whatever the order in which they came. */
export function inOrder(platform: Platform): Platform {
  const { architecture, os, 'os.version': version, 'os.features': features, variant } = platform;
  return {
    ...{ architecture, os },
    ...(version == null ? {} : { 'os.version': version }),
    ...(features == null ? {} : { 'os.features': features }),
    ...(variant == null ? {} : { variant }),
  };
}
