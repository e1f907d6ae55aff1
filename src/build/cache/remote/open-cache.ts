import type { Context } from '../../../base/context.ts';
import { isJsonObject } from '../../../base/json.ts';
import { isDigest } from '../../../oci/digest.ts';
import type { Descriptor } from '../../../oci/image.ts';
import { isManifestType } from '../../../oci/media-types.ts';
import {
  type CacheLayer,
  INLINE_CACHE,
  MAX_CONFIG_BYTES,
  parseCacheConfig,
  parseInlineCache,
  type ReadCache,
} from './cache-config.ts';
import { type CacheDocument, parseCacheDocument, parsedObject } from './cache-manifest.ts';
import { type CacheSource, readWhole } from './cache-source.ts';

/** Images of one index that are asked for their caches. */
const MAX_IMAGES = 32;

/** What a cache's documents say; undefined for an image that has no cache in it. Fails with `invalid-argument` on what is no cache. */
export async function readCache(context: Context, source: CacheSource): Promise<ReadCache | undefined> {
  const document = parseCacheDocument(await source.root(context));
  if (document.kind === 'cache') {
    const bytes = await readWhole(context, source, document.config, MAX_CONFIG_BYTES);
    return parseCacheConfig(bytes, document.blobs);
  }
  if (document.kind === 'image') return imageCache(context, source, document);
  const found: ReadCache[] = [];
  for (const descriptor of document.manifests.filter(isManifest).slice(0, MAX_IMAGES)) {
    const inner = parseCacheDocument(await source.document(context, descriptor));
    const cache = inner.kind === 'image' ? await imageCache(context, source, inner) : undefined;
    if (cache !== undefined) found.push(cache);
  }
  return found.length === 0 ? undefined : merged(found);
}

function isManifest({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType);
}

async function imageCache(
  context: Context,
  source: CacheSource,
  { config, layers }: Extract<CacheDocument, { kind: 'image' }>,
): Promise<ReadCache | undefined> {
  const value = parsedObject(await readWhole(context, source, config, MAX_CONFIG_BYTES));
  const text = value[INLINE_CACHE];
  if (text === undefined || text === null) return undefined;
  const rootfs = value['rootfs'];
  const diffIds: unknown = isJsonObject(rootfs) ? rootfs['diff_ids'] : undefined;
  if (!Array.isArray(diffIds) || diffIds.length !== layers.length) return undefined;
  const own = layers.flatMap((descriptor, index): CacheLayer[] => {
    const diffId = String(diffIds[index]);
    return isDigest(diffId) ? [{ diffId, descriptor }] : [];
  });
  return own.length === layers.length ? parseInlineCache(text, own) : undefined;
}

function merged(caches: readonly ReadCache[]): ReadCache {
  return {
    isOurs: caches.some(({ isOurs }) => isOurs),
    results: new Map(caches.flatMap(({ results }) => [...results])),
  };
}
