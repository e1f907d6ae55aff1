import { invalid } from '../../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../../base/json.ts';
import { type Digest, digestOf, isDigest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import { mediaTypes } from '../../../oci/media-types.ts';

/**
 * What BuildKit calls a cache's configuration (its cache/remotecache/v1): *layers*, and *records* of what was made: by digest, with the records
 * that it was made of, and lists of layers that came of it. What the digests are is each builder's own business; ours are the keys of steps.
 */

export const CACHE_CONFIG = 'application/vnd.buildkit.cacheconfig.v0';
/** The key of an image's configuration that has a cache's records, whose layers are the image's. */
export const INLINE_CACHE = 'moby.buildkit.cache.v0';

/** A step as a cache tells it. `layers` are diff IDs, those that the step added; `parents` the keys of the steps that it was made of. */
export interface CacheStep {
  readonly key: Digest;
  readonly parents: readonly Digest[];
  readonly layers: readonly Digest[];
  readonly created: Date | undefined;
}

/** A layer in the form that the cache has it. */
export interface CacheLayer {
  readonly diffId: Digest;
  readonly descriptor: Descriptor;
}

/** What a step added, by the cache's word. */
export interface CacheResult {
  readonly layers: readonly CacheLayer[];
  readonly created: Date | undefined;
}

export interface ReadCache {
  /** Whether a builder of this kind wrote it: the keys of others mean nothing here. */
  readonly isOurs: boolean;
  readonly results: ReadonlyMap<Digest, CacheResult>;
}

/** All steps that are made of no other one name it as what they were made of: thus a cache says whose keys it has. */
const WRITER = digestOf('Sampan, keys of build steps, version 1');

export const MAX_CONFIG_BYTES = 16 << 20;
const MAX_RECORDS = 100_000;
const MAX_LAYERS = 10_000;
/** As many as a filesystem may have. */
const MAX_LAYERS_OF_STEP = 128;

/** A form that is named otherwise could not be part of an image. */
const layerTypes: ReadonlySet<string> = new Set([
  mediaTypes.ociLayer,
  mediaTypes.ociLayerGzip,
  mediaTypes.ociLayerZstd,
  mediaTypes.dockerLayer,
  mediaTypes.dockerLayerGzip,
]);

/** The same steps give the same bytes. `layers`: the forms of all that the steps added. */
export function encodeCacheConfig(steps: readonly CacheStep[], layers: readonly CacheLayer[]): Buffer {
  const numbers = new Map(layers.map(({ diffId }, index) => [diffId, index]));
  const told = layers.map(({ diffId, descriptor: { digest, mediaType, size } }) => ({
    ...{ blob: digest, parent: -1 },
    annotations: { mediaType, diffID: diffId, size },
  }));
  return Buffer.from(JSON.stringify({ layers: told, records: recordsOf(steps, numbers) }));
}

/** For an image of these layers, the value of its configuration's key; undefined when none of its layers came of a step. */
export function encodeInlineCache(
  steps: readonly CacheStep[],
  layers: readonly Digest[],
): string | undefined {
  const numbers = new Map(layers.map((layer, index) => [layer, index]));
  const own = steps.filter((step) => step.layers.every((layer) => numbers.has(layer)));
  if (own.every((step) => step.layers.length === 0)) return undefined;
  return Buffer.from(JSON.stringify(recordsOf(own, numbers))).toString('base64');
}

function recordsOf(steps: readonly CacheStep[], numbers: ReadonlyMap<Digest, number>): unknown[] {
  const places = new Map<Digest, number>([[WRITER, 0]]);
  for (const { key } of steps) if (!places.has(key)) places.set(key, places.size);
  const unique = new Map(steps.map((step) => [step.key, step]));
  const own = [...unique.values()].map(({ key, parents, layers, created }) => {
    const known = parents.flatMap((parent) => places.get(parent) ?? []);
    return {
      digest: key,
      inputs: (known.length === 0 ? [0] : known).map((link) => [{ link }]),
      chains: [
        {
          layers: layers.flatMap((layer) => numbers.get(layer) ?? []),
          ...(created === undefined ? {} : { createdAt: created.toISOString() }),
        },
      ],
    };
  });
  return [{ digest: WRITER }, ...own];
}

/**
 * Reads a cache's configuration. A record that cannot be used - of another form, of layers that are not among the blobs beside it - is no
 * record. Fails with `invalid-argument` on what is no such configuration or has too much in it.
 */
export function parseCacheConfig(bytes: Uint8Array, blobs: ReadonlyMap<Digest, Descriptor>): ReadCache {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw invalid(`the cache's configuration has more than the allowed ${MAX_CONFIG_BYTES} bytes`);
  }
  const value = parsed(bytes);
  if (!isJsonObject(value)) throw invalid('invalid cache: its configuration is not an object');
  const layers = listOf(value['layers'], MAX_LAYERS, 'layers').map((layer) => readLayer(layer, blobs));
  return readRecords(value['records'], layers);
}

/** Reads the records in an image's configuration. `layers` are the image's, bottom first. */
export function parseInlineCache(text: unknown, layers: readonly CacheLayer[]): ReadCache {
  if (typeof text !== 'string' || text.length > MAX_CONFIG_BYTES) {
    throw invalid('invalid cache: what the image says is no list of records');
  }
  return readRecords(parsed(Buffer.from(text, 'base64')), layers.map(usable));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('invalid cache: its configuration is not JSON', { cause });
  }
}

function listOf(value: unknown, limit: number, what: string): readonly unknown[] {
  const list = value ?? [];
  if (!Array.isArray(list)) throw invalid(`invalid cache: its ${what} are not a list`);
  if (list.length > limit) throw invalid(`the cache has more than the allowed ${limit} ${what}`);
  return list;
}

/** Size and digest are the manifest's word, which the registry knows too; what it is uncompressed is the cache's. */
function readLayer(value: unknown, blobs: ReadonlyMap<Digest, Descriptor>): CacheLayer | undefined {
  const { blob, annotations } = objectOf(value);
  const diffId = objectOf(annotations)['diffID'];
  const descriptor = typeof blob === 'string' && isDigest(blob) ? blobs.get(blob) : undefined;
  if (descriptor === undefined || typeof diffId !== 'string' || !isDigest(diffId)) return undefined;
  return usable({ diffId, descriptor });
}

/** Without other places that the blob may be had from. */
function usable({ diffId, descriptor: { digest, size, mediaType } }: CacheLayer): CacheLayer | undefined {
  return layerTypes.has(mediaType) ? { diffId, descriptor: { digest, size, mediaType } } : undefined;
}

function readRecords(value: unknown, layers: readonly (CacheLayer | undefined)[]): ReadCache {
  let isOurs = false;
  const results = new Map<Digest, CacheResult>();
  for (const record of listOf(value, MAX_RECORDS, 'records')) {
    const { digest, chains } = objectOf(record);
    if (digest === WRITER) isOurs = true;
    else if (typeof digest === 'string' && isDigest(digest) && !results.has(digest)) {
      const result = Array.isArray(chains) ? readChain(chains[0], layers) : undefined;
      if (result !== undefined) results.set(digest, result);
    }
  }
  return { isOurs, results };
}

function readChain(value: unknown, layers: readonly (CacheLayer | undefined)[]): CacheResult | undefined {
  if (!isJsonObject(value)) return undefined;
  const { layers: numbers, createdAt } = value;
  // Go leaves out what is empty, or says that it is null.
  const list: unknown = numbers ?? [];
  if (!Array.isArray(list) || list.length > MAX_LAYERS_OF_STEP) return undefined;
  const found = list.flatMap((number) => (Number.isInteger(number) ? (layers[number] ?? []) : []));
  if (found.length !== list.length) return undefined;
  return { layers: found, created: timeOf(createdAt) };
}

/** Go's zero is no time. */
function timeOf(value: unknown): Date | undefined {
  const time = typeof value === 'string' ? new Date(value) : undefined;
  return time === undefined || !(time.getTime() >= 0) ? undefined : time;
}

function objectOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
