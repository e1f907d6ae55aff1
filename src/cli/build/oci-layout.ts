import { createReadStream, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject, type JsonObject } from '../../base/json.ts';
import { digestOf, hexOf, isDigest } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { formatPlatform, hostPlatform, normalisePlatform, platformFit } from '../../oci/platform.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';

export const OCI_LAYOUT = 'oci-layout://';

const TAG = 'org.opencontainers.image.ref.name';
const FULL_NAME = 'io.containerd.image.name';
const MAX_DOCUMENT = 16 << 20;

/** One image of a layout on disk. */
export interface LayoutImage {
  /** What it is known by in a daemon: the digest of its configuration. */
  readonly id: string;
  /** A layout with it alone. */
  readonly archive: () => AsyncGenerator<Uint8Array, void, void>;
}

/**
 * The image that "oci-layout://path[:tag|@digest]" names; without a tag it is "latest", or the only one. Of one for several platforms it is
 * that for `platform`. Throws CommandError.
 */
export function layoutImage(value: string, platform: Platform = hostPlatform()): LayoutImage {
  const [, directory = '', tag, digest] =
    /^(.*?)(?::([^/:@]+))?(?:@(.*))?$/.exec(value.slice(OCI_LAYOUT.length)) ?? [];
  const entries = manifestsIn(documentAt(join(directory, 'index.json')));
  const entry =
    digest === undefined
      ? (entries.find((each) => isCalled(each, tag ?? 'latest')) ??
        (tag === undefined && entries.length === 1 ? entries[0] : undefined))
      : { ...entries.find((each) => each['digest'] === digest), digest };
  if (entry === undefined) {
    throw new CommandError(`OCI layout ${directory} has no image ${JSON.stringify(tag ?? 'latest')}`);
  }
  const found = manifestOf(directory, entry, platform);
  const config = blobOf(found.document['config']);
  const { layers } = found.document;
  const blobs = [config, ...(Array.isArray(layers) ? layers.map(blobOf) : [])];
  return { id: config, archive: () => archiveOf(directory, found, [...new Set(blobs)]) };
}

/** A tag is a whole name in some layouts. */
function isCalled({ annotations }: JsonObject, tag: string): boolean {
  if (!isJsonObject(annotations)) return false;
  return annotations[TAG] === tag || String(annotations[FULL_NAME] ?? '').endsWith(`:${tag}`);
}

interface Manifest {
  readonly mediaType: unknown;
  readonly digest: string;
  readonly size: number;
  readonly document: JsonObject;
}

/** What an entry names, of an index in it the part for the platform. */
function manifestOf(directory: string, entry: JsonObject, platform: Platform): Manifest {
  const digest = blobOf(entry);
  const bytes = blobBytes(directory, digest);
  const document = parsed(bytes, digest);
  const mediaType = entry['mediaType'] ?? document['mediaType'];
  if (!isIndexType(String(mediaType))) return { mediaType, digest, size: bytes.length, document };
  const fits = manifestsIn(document).map((each) => ({ each, fit: fitOf(each['platform'], platform) }));
  const [best] = fits.filter(({ fit }) => fit > 0).sort((left, right) => right.fit - left.fit);
  if (best === undefined) {
    throw new CommandError(`OCI layout ${directory} has no image for ${formatPlatform(platform)}`);
  }
  return manifestOf(directory, best.each, platform);
}

function fitOf(written: unknown, wanted: Platform): number {
  if (!isJsonObject(written)) return 0;
  const { os, architecture, variant } = written;
  if (typeof os !== 'string' || typeof architecture !== 'string') return 0;
  const offered = { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) };
  return platformFit(wanted, normalisePlatform(offered));
}

function manifestsIn({ manifests }: JsonObject): readonly JsonObject[] {
  return Array.isArray(manifests) ? manifests.filter(isJsonObject) : [];
}

function blobOf(descriptor: unknown): string {
  const digest = isJsonObject(descriptor) ? descriptor['digest'] : undefined;
  if (typeof digest === 'string' && isDigest(digest)) return digest;
  throw new CommandError(`invalid digest ${JSON.stringify(digest)} in an OCI layout`);
}

function blobPath(directory: string, digest: string): string {
  return isDigest(digest) ? join(directory, 'blobs/sha256', hexOf(digest)) : '';
}

function blobBytes(directory: string, digest: string): Buffer {
  const bytes = readAll(blobPath(directory, digest));
  if (digestOf(bytes) !== digest) throw new CommandError(`blob ${digest} of ${directory} is another one`);
  return bytes;
}

function documentAt(path: string): JsonObject {
  return parsed(readAll(path), path);
}

function parsed(bytes: Buffer, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (isJsonObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new CommandError(`${what} is not a JSON object`);
}

function readAll(path: string): Buffer {
  try {
    if (statSync(path).size > MAX_DOCUMENT) throw new CommandError(`${path} is too large`);
    return readFileSync(path);
  } catch (reason) {
    if (reason instanceof CommandError) throw reason;
    throw fileFailure('failed to read OCI layout: open', path, reason);
  }
}

async function* archiveOf(
  directory: string,
  { mediaType, digest, size, document }: Manifest,
  blobs: readonly string[],
): AsyncGenerator<Uint8Array, void, void> {
  const entry = { mediaType: mediaType ?? document['mediaType'], digest, size };
  yield* fileOf('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  yield* fileOf('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry] })));
  for (const blob of [digest, ...blobs]) {
    const path = blobPath(directory, blob);
    const bytes = statSync(path, { throwIfNoEntry: false })?.size;
    if (bytes === undefined) throw new CommandError(`OCI layout ${directory} lacks blob ${blob}`);
    yield formatTarHeader({
      type: 'file',
      name: `blobs/${blob.replace(':', '/')}`,
      mode: 0o644,
      size: bytes,
    });
    yield* createReadStream(path);
    yield tarPadding(bytes);
  }
  yield tarEnd;
}

function* fileOf(name: string, bytes: Uint8Array): Generator<Uint8Array, void, void> {
  yield formatTarHeader({ type: 'file', name, mode: 0o644, size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}
