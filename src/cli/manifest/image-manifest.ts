import { isJsonObject, type JsonObject } from '../../base/json.ts';
import { type Digest, digestOf, isDigest } from '../../oci/digest.ts';
import type { Descriptor, Platform } from '../../oci/image.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { compactJson } from '../format/json-text.ts';
import { escapeForHtml } from '../template/json.ts';

/** One image of a manifest list: where it is, what it is for, and its manifest. */
export interface ImageManifest {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  /** The manifest's JSON; in the registry's own bytes where these were kept. */
  readonly text: string;
}

const DOCKER_KEY = 'SchemaV2Manifest';
const OCI_KEY = 'OCIManifest';

/** The form in which Docker keeps and shows it: the manifest in its own bytes (base64) and as JSON. */
export function encodeImageManifest({ reference, descriptor, text }: ImageManifest): string {
  const { mediaType, digest, size, platform } = descriptor;
  const key = mediaType === mediaTypes.ociManifest ? OCI_KEY : DOCKER_KEY;
  const fields = [
    ['Ref', JSON.stringify(formatReference(reference))],
    [
      'Descriptor',
      JSON.stringify({ mediaType, digest, size, platform: platform && orderPlatform(platform) }),
    ],
    ['Raw', JSON.stringify(Buffer.from(text).toString('base64'))],
    [key, compactJson(text)],
  ];
  return escapeForHtml(`{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
}

/** Reads the same. Throws an Error that says what is wrong with it. */
export function decodeImageManifest(json: string): ImageManifest {
  const value: unknown = JSON.parse(json);
  if (!isJsonObject(value)) throw new Error('it is not a JSON object');
  const { Ref, Descriptor: described, Raw } = value;
  if (typeof Ref !== 'string') throw new Error('its "Ref" is no name of an image');
  const descriptor = descriptorOf(described);
  const manifest = value[DOCKER_KEY] ?? value[OCI_KEY];
  if (!isJsonObject(manifest)) throw new Error('it has no manifest');
  // Written by old versions without its bytes, which Docker had indented by three blanks.
  const text =
    typeof Raw === 'string' && Raw !== ''
      ? Buffer.from(Raw, 'base64').toString()
      : JSON.stringify(manifest, null, value[DOCKER_KEY] === undefined ? 2 : 3);
  if (digestOf(Buffer.from(text)) !== descriptor.digest) {
    throw new Error(`its manifest does not have the digest ${descriptor.digest}`);
  }
  return { reference: parseReference(Ref), descriptor, text };
}

/** Reads a descriptor of a list or a file. Throws an Error that says what is wrong with it. */
export function descriptorOf(value: unknown): Descriptor {
  if (!isJsonObject(value)) throw new Error('its descriptor is missing');
  const { mediaType, digest, size, platform } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) throw new Error('its descriptor has no sha256 digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size)) throw new Error('its descriptor has no size');
  if (typeof mediaType !== 'string') throw new Error('its descriptor has no media type');
  const of = platformOf(platform);
  return { mediaType, digest, size, ...(of === undefined ? {} : { platform: of }) };
}

/** What is no text or list of texts in a platform is left out. */
function platformOf(value: unknown): Platform | undefined {
  if (!isJsonObject(value)) return undefined;
  const text = (name: string): string => (typeof value[name] === 'string' ? value[name] : '');
  const features = value['os.features'];
  return orderPlatform({
    architecture: text('architecture'),
    os: text('os'),
    'os.version': text('os.version'),
    'os.features': Array.isArray(features) ? features.map(String) : [],
    variant: text('variant'),
  });
}

/** In the order of Docker's output, without what is empty. */
export function orderPlatform(platform: Platform): Platform {
  const { architecture, os, variant = '' } = platform;
  const version = platform['os.version'] ?? '';
  const features = platform['os.features'] ?? [];
  return {
    architecture,
    os,
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
    ...(variant === '' ? {} : { variant }),
  };
}

/** The digests that the manifest names: its configuration's and its layers'. */
export function blobsOf({ text }: ImageManifest): readonly Digest[] {
  const manifest: JsonObject = JSON.parse(text);
  const { config, layers } = manifest;
  const all = [config, ...(Array.isArray(layers) ? layers : [])];
  return all.map((descriptor) => descriptorOf(descriptor).digest);
}
