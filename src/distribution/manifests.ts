import { invalid } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { isDigest } from '../oci/digest.ts';
import type { Descriptor, Index, Manifest, Platform } from '../oci/image.ts';
import { isIndexType, isManifestType, mediaTypes } from '../oci/media-types.ts';
import { platformFit } from '../oci/platform.ts';
import { parseJson } from './json.ts';

const MAX_LAYERS = 4_096;
const MAX_MANIFESTS = 1_024;
const MAX_URLS = 8;

/** Some old tools gave an image's configuration a type of their own choice, or none. */
const imageConfigTypes: ReadonlySet<string> = new Set([
  mediaTypes.ociConfig,
  mediaTypes.dockerConfig,
  'application/octet-stream',
  'application/json',
  'text/html',
  'text/plain',
  '',
]);

export type ParsedDocument =
  | { readonly kind: 'manifest'; readonly manifest: Manifest; readonly mediaType: string | undefined }
  | { readonly kind: 'index'; readonly index: Index; readonly mediaType: string | undefined };

/**
 * Reads a manifest or an index, OCI's or Docker's schema 2. One that could be taken for both, or that calls itself something else than
 * its sender does, is refused (CVE-2021-41190). Fails with `invalid-argument`.
 */
export function parseDocument(bytes: Uint8Array, contentType: string): ParsedDocument {
  const value = parseJson(bytes);
  if (!isJsonObject(value)) throw invalid('invalid manifest: not a JSON object');
  const said = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (value['schemaVersion'] === 1 || (said.includes('manifest.v1+') && !said.includes('.oci.'))) {
    throw invalid('support for Docker Image manifest version 2, schema 1 has been removed', {
      hint: 'Suggest to the author of the image to push it again with a current tool; see https://docs.docker.com/go/deprecated-image-specs/.',
    });
  }
  const type = mediaTypeOf(value, said);
  const isIndex = 'manifests' in value;
  if (isIndex === ('layers' in value || 'config' in value)) {
    throw invalid('invalid manifest: neither clearly an image manifest nor an index');
  }
  if (type !== undefined && isIndex !== isIndexType(type)) {
    throw invalid(`invalid manifest: its content is not what its media type ${type} says`);
  }
  return isIndex
    ? { kind: 'index', index: parseIndex(value), mediaType: type }
    : { kind: 'manifest', manifest: parseManifest(value), mediaType: type };
}

/** The types that the document and its sender name, which must be the same where both are known ones. */
function mediaTypeOf(value: JsonObject, said: string): string | undefined {
  const isKnown = (type: string): boolean => isIndexType(type) || isManifestType(type);
  const own = value['mediaType'] ?? '';
  if (typeof own !== 'string' || (own !== '' && !isKnown(own))) {
    throw invalid(`unsupported manifest media type ${JSON.stringify(own).slice(0, 200)}`);
  }
  if (own !== '' && isKnown(said) && own !== said) {
    throw invalid(`invalid manifest: sent as ${said}, but its media type is ${own}`);
  }
  return own || (isKnown(said) ? said : undefined);
}

function parseManifest(value: JsonObject): Manifest {
  const { layers = [] } = value;
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) {
    throw invalid(`invalid manifest: layers must be a list of at most ${MAX_LAYERS} descriptors`);
  }
  const config = parseDescriptor(value['config']);
  return { schemaVersion: 2, config, layers: layers.map(parseDescriptor) };
}

/** Refuses a manifest of something else than an image, in Docker's words. */
export function requireImage({ config: { mediaType } }: Manifest): void {
  if (imageConfigTypes.has(mediaType)) return;
  const type = JSON.stringify(mediaType.slice(0, 200));
  throw invalid(`Encountered remote ${type}(unknown) when fetching: this is not a container image`);
}

function parseIndex(value: JsonObject): Index {
  const { manifests } = value;
  if (!Array.isArray(manifests) || manifests.length > MAX_MANIFESTS) {
    throw invalid(`invalid index: manifests must be a list of at most ${MAX_MANIFESTS} descriptors`);
  }
  return { schemaVersion: 2, manifests: manifests.map(parseDescriptor) };
}

function parseDescriptor(value: unknown): Descriptor {
  if (!isJsonObject(value)) throw invalid('invalid descriptor: not an object');
  const { mediaType, digest, size, platform, urls } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw invalid(`invalid descriptor: ${JSON.stringify(digest)?.slice(0, 200)} is not a sha256 digest`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`invalid descriptor: the size of ${digest} is not a number of bytes`);
  }
  if (typeof mediaType !== 'string') throw invalid(`invalid descriptor: ${digest} has no media type`);
  const of = parsePlatform(platform);
  return {
    ...{ mediaType, digest, size },
    ...(of === undefined ? {} : { platform: of }),
    ...(Array.isArray(urls) ? { urls: urls.slice(0, MAX_URLS).map(String) } : {}),
  };
}

/** What an entry of an index, or an image's configuration, says of the platform; undefined when it is no object. */
export function parsePlatform(value: unknown): Platform | undefined {
  if (!isJsonObject(value)) return undefined;
  const { os, architecture, variant, 'os.version': version, 'os.features': features } = value;
  const isList = Array.isArray(features) && features.every((feature) => typeof feature === 'string');
  return {
    os: typeof os === 'string' ? os : '',
    architecture: typeof architecture === 'string' ? architecture : '',
    ...(typeof variant === 'string' ? { variant } : {}),
    ...(typeof version === 'string' ? { 'os.version': version } : {}),
    ...(isList ? { 'os.features': features } : {}),
  };
}

/** The index's manifests and indexes that serve the platform, best first; one that names no platform may serve any. */
export function fittingManifests({ manifests }: Index, platform: Platform): readonly Descriptor[] {
  return manifests
    .filter(({ mediaType }) => isIndexType(mediaType) || isManifestType(mediaType))
    .map((entry) => ({
      entry,
      fit: entry.platform === undefined ? 1 : platformFit(platform, entry.platform),
    }))
    .filter(({ fit }) => fit > 0)
    .sort((a, b) => b.fit - a.fit)
    .map(({ entry }) => entry);
}
