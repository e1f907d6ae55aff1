import { invalid } from '../base/errors.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import { isDigest } from '../oci/digest.ts';
import type { Descriptor, Manifest } from '../oci/image.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { MAX_LAYERS, parseJsonObject } from './config.ts';

/** What registries take at most (distribution specification, "Pushing Manifests"). */
export const MAX_MANIFEST_BYTES = 4 << 20;

/** Annotation of an index entry: the digest of the manifest that the image came with, which lies among the blobs. */
export const ORIGINAL_MANIFEST = 'sampan.manifest';

/** Reads an image's manifest, OCI's or Docker's schema 2. Fails with `invalid-argument` on anything that is not one. */
export function parseManifest(bytes: Uint8Array): Manifest {
  return asManifest(parseJsonObject(bytes, 'image manifest'));
}

/** The same of a document that has been parsed. */
export function asManifest(document: JsonObject): Manifest {
  const { config, layers } = document;
  // What could be taken for an index as well is read differently by different readers (CVE-2021-41190).
  if ('manifests' in document) throw invalid('invalid image manifest: it has manifests too');
  if (!isDescriptor(config) || !Array.isArray(layers)) {
    throw invalid('invalid image manifest: config or layers missing');
  }
  if (layers.length > MAX_LAYERS) throw invalid(`invalid image manifest: more than ${MAX_LAYERS} layers`);
  if (!layers.every(isDescriptor)) throw invalid('invalid image manifest: a layer is not a descriptor');
  return document as JsonObject & Manifest;
}

export function isDescriptor(value: unknown): value is Descriptor {
  return (
    isJsonObject(value) &&
    typeof value['digest'] === 'string' &&
    isDigest(value['digest']) &&
    Number.isSafeInteger(value['size']) &&
    (value['size'] as number) >= 0 &&
    typeof value['mediaType'] === 'string'
  );
}

/** A Docker schema 2 manifest as dockerd writes it, to the byte: keys in this order, indented by three blanks. */
export function encodeDockerManifest(
  config: Pick<Descriptor, 'digest' | 'size'>,
  layers: readonly Pick<Descriptor, 'digest' | 'size'>[],
): Uint8Array {
  const descriptor = (mediaType: string, { size, digest }: Pick<Descriptor, 'digest' | 'size'>) => {
    return { mediaType, size, digest };
  };
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: descriptor(mediaTypes.dockerConfig, config),
    layers: layers.map((layer) => descriptor(mediaTypes.dockerLayerGzip, layer)),
  };
  return new TextEncoder().encode(JSON.stringify(document, null, 3));
}
