import { invalid } from '../../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../../base/json.ts';
import { type Digest, digestOf, isDigest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import { isIndexType, isManifestType, mediaTypes } from '../../../oci/media-types.ts';
import { CACHE_CONFIG } from './cache-config.ts';

export interface ManifestForm {
  /** OCI's media types, or Docker's. */
  readonly ociMediaTypes: boolean;
  /** A manifest, which all registries take, or an index of blobs, as BuildKit had it at first. */
  readonly imageManifest: boolean;
}

export interface EncodedManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** What a name that is to be a cache's leads to. */
export type CacheDocument =
  | { readonly kind: 'cache'; readonly config: Descriptor; readonly blobs: ReadonlyMap<Digest, Descriptor> }
  /** An image, whose configuration may have a cache in it. */
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  /** Manifests of several images. */
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] };

const MAX_ENTRIES = 10_000;

const dockerTypes: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayer]: mediaTypes.dockerLayer,
  [mediaTypes.ociLayerGzip]: mediaTypes.dockerLayerGzip,
};
const ociTypes = Object.fromEntries(Object.entries(dockerTypes).map(([oci, docker]) => [docker, oci]));

/** A layer's descriptor as a manifest of that form has it. Docker's types know no zstd. */
export function layerDescriptor(
  { mediaType, digest, size }: Descriptor,
  diffId: Digest,
  { ociMediaTypes }: ManifestForm,
): Descriptor {
  const names = ociMediaTypes ? ociTypes : dockerTypes;
  return {
    ...{ mediaType: names[mediaType] ?? mediaType, digest, size },
    // BuildKit looks for it here.
    annotations: { 'containerd.io/uncompressed': diffId },
  };
}

export function encodeCacheManifest(
  config: Descriptor,
  layers: readonly Descriptor[],
  { ociMediaTypes, imageManifest }: ManifestForm,
): EncodedManifest {
  const [manifestType, indexType] = ociMediaTypes
    ? [mediaTypes.ociManifest, mediaTypes.ociIndex]
    : [mediaTypes.dockerManifest, mediaTypes.dockerManifestList];
  const mediaType = imageManifest ? manifestType : indexType;
  const content = imageManifest ? { config, layers } : { manifests: [...layers, config] };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } };
}

/** Fails with `invalid-argument` on what is neither a manifest nor an index, or might be either (CVE-2021-41190). */
export function parseCacheDocument(bytes: Uint8Array): CacheDocument {
  const value = parsedObject(bytes);
  const { config, layers, manifests, mediaType } = value;
  if (manifests !== undefined && (layers !== undefined || config !== undefined)) {
    throw invalid('invalid cache: it could be a manifest and an index');
  }
  if (manifests !== undefined && !isManifestType(String(mediaType ?? ''))) {
    const entries = descriptorsOf(manifests);
    const own = entries.find((entry) => entry.mediaType === CACHE_CONFIG);
    if (own === undefined) return { kind: 'index', manifests: entries };
    return { kind: 'cache', config: own, blobs: byDigest(entries) };
  }
  if (config === undefined || isIndexType(String(mediaType ?? ''))) {
    throw invalid('invalid cache: it is neither a manifest nor an index');
  }
  const [own] = descriptorsOf([config]);
  if (own === undefined) throw invalid('invalid cache: its manifest has no configuration');
  const entries = descriptorsOf(layers ?? []);
  if (own.mediaType === CACHE_CONFIG) return { kind: 'cache', config: own, blobs: byDigest(entries) };
  return { kind: 'image', config: own, layers: entries };
}

function byDigest(descriptors: readonly Descriptor[]): ReadonlyMap<Digest, Descriptor> {
  return new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor]));
}

export function parsedObject(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('invalid cache: not JSON', { cause });
  }
  if (!isJsonObject(value)) throw invalid('invalid cache: not a JSON object');
  return value;
}

function descriptorsOf(value: unknown): readonly Descriptor[] {
  if (!Array.isArray(value) || value.length > MAX_ENTRIES) {
    throw invalid(`invalid cache: no list of at most ${MAX_ENTRIES} descriptors`);
  }
  return value.map((entry: unknown) => {
    const { mediaType, digest, size } = isJsonObject(entry) ? entry : {};
    const isSize = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0;
    if (typeof digest !== 'string' || !isDigest(digest) || !isSize || typeof mediaType !== 'string') {
      throw invalid('invalid cache: a descriptor needs a media type, a sha256 digest and a size');
    }
    return { mediaType, digest, size };
  });
}
