import type { Context } from '../../base/context.ts';
import { invalid, messageOf, notFound } from '../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../base/json.ts';
import type { CacheDirectory } from '../../build/contract.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../oci/digest.ts';
import type { Descriptor, Platform } from '../../oci/image.ts';
import { isIndexType } from '../../oci/media-types.ts';
import { formatPlatform, normalisePlatform, platformFit } from '../../oci/platform.ts';
import { formatTarHeader, tarEnd, tarPadding } from '../../oci/tar/writer.ts';
import type { BuildkitParts } from '../parts.ts';

const MAX_DOCUMENT = 4 << 20;

/** Here for one build; disposing removes it unless it was here before or has a name by then. */
export interface LayoutImage extends AsyncDisposable {
  readonly id: Digest;
}

/** The image that a digest names in a client's OCI layout, of an index the part for the platform. Fails with `not-found` and `invalid-argument`. */
export async function openLayoutImage(
  context: Context,
  images: Pick<BuildkitParts['images'], 'find' | 'load' | 'remove'>,
  layout: { readonly store: CacheDirectory; readonly digest: Digest },
  platform: Platform,
): Promise<LayoutImage> {
  const { store, digest } = layout;
  const manifest = await manifestOf(context, store, digest, platform);
  const config = descriptorIn(manifest.document['config']);
  const id = config.digest;
  if (images.find(id) !== undefined) return { id, [Symbol.asyncDispose]: async () => {} };
  const { layers } = manifest.document;
  const blobs = [config, ...(Array.isArray(layers) ? layers.map(descriptorIn) : [])];
  const [loaded] = await images.load(context, archiveOf(context, store, manifest, blobs), {
    platform: undefined,
  });
  if (loaded?.id !== id) throw invalid(`the OCI layout has no image ${digest}`);
  return {
    id,
    async [Symbol.asyncDispose]() {
      try {
        const found = images.find(id);
        if (found?.tags.length === 0) await images.remove(context, id, { force: false, prune: false });
      } catch (error) {
        // Somebody else uses it.
        context.log.debug('the image of a layout stays', { image: id, error: messageOf(error) });
      }
    },
  };
}

interface Manifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly document: JsonObject;
}

async function manifestOf(
  context: Context,
  store: CacheDirectory,
  digest: Digest,
  platform: Platform,
): Promise<Manifest> {
  const bytes = await readDocument(context, store, digest);
  const document: unknown = JSON.parse(Buffer.from(bytes).toString());
  if (!isJsonObject(document)) throw invalid(`${digest} of the OCI layout is no manifest`);
  const { manifests, mediaType } = document;
  const type = typeof mediaType === 'string' ? mediaType : '';
  if (!Array.isArray(manifests) && !isIndexType(type)) {
    return { descriptor: { mediaType: type, digest, size: bytes.length }, bytes, document };
  }
  const fits = (Array.isArray(manifests) ? manifests : []).map((entry) => ({
    entry,
    fit: fitOf(entry, platform),
  }));
  const best = fits.filter(({ fit }) => fit > 0).sort((left, right) => right.fit - left.fit)[0];
  if (best === undefined) throw notFound(`the OCI layout has no image for ${formatPlatform(platform)}`);
  return manifestOf(context, store, descriptorIn(best.entry).digest, platform);
}

async function readDocument(context: Context, store: CacheDirectory, digest: Digest): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of store.read(context, { mediaType: '', digest, size: 0 }, 0)) {
    size += piece.length;
    if (size > MAX_DOCUMENT) throw invalid(`${digest} of the OCI layout is too large for a manifest`);
    pieces.push(piece);
  }
  const bytes = Buffer.concat(pieces);
  if (digestOf(bytes) !== digest) throw invalid(`${digest} of the OCI layout has another digest`);
  return bytes;
}

function fitOf(entry: unknown, wanted: Platform): number {
  const { os, architecture, variant } =
    isJsonObject(entry) && isJsonObject(entry['platform']) ? entry['platform'] : {};
  if (typeof os !== 'string' || typeof architecture !== 'string') return 0;
  const offered = { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) };
  return platformFit(wanted, normalisePlatform(offered));
}

function descriptorIn(value: unknown): Descriptor {
  const { mediaType, digest, size } = isJsonObject(value) ? value : {};
  if (typeof digest !== 'string' || !isDigest(digest))
    throw invalid('a descriptor of the OCI layout has no digest');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`the OCI layout does not say the size of ${digest}`);
  }
  return { mediaType: String(mediaType), digest, size };
}

/** A layout with one image. Whoever reads it verifies the digests. */
async function* archiveOf(
  context: Context,
  store: CacheDirectory,
  { descriptor, bytes, document }: Manifest,
  blobs: readonly Descriptor[],
): AsyncGenerator<Uint8Array, void, void> {
  const mediaType = descriptor.mediaType || document['mediaType'];
  const index = { schemaVersion: 2, manifests: [{ ...descriptor, mediaType }] };
  yield* fileOf('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  yield* fileOf('index.json', Buffer.from(JSON.stringify(index)));
  yield* fileOf(`blobs/sha256/${hexOf(descriptor.digest)}`, bytes);
  const all = new Map(blobs.map((blob) => [blob.digest, blob]));
  for (const blob of all.values()) {
    yield formatTarHeader({
      type: 'file',
      name: `blobs/sha256/${hexOf(blob.digest)}`,
      mode: 0o644,
      size: blob.size,
    });
    yield* exactly(blob, store.read(context, blob, 0));
    yield tarPadding(blob.size);
  }
  yield tarEnd;
}

async function* exactly(
  { digest, size }: Descriptor,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let rest = size;
  for await (const piece of bytes) {
    rest -= piece.length;
    if (rest < 0) break;
    yield piece;
  }
  if (rest !== 0) throw invalid(`${digest} of the OCI layout has not the size that is said of it`);
}

function* fileOf(name: string, bytes: Uint8Array): Generator<Uint8Array, void, void> {
  yield formatTarHeader({ type: 'file', name, mode: 0o644, size: bytes.length });
  yield bytes;
  yield tarPadding(bytes.length);
}
