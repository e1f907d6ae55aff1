import type { Context } from '../../base/context.ts';
import { isCode } from '../../base/errors.ts';
import type { Image, ImageMaker, Images } from '../../images/contract.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import type { CachePruneOptions, CachePruneResult, CacheRecord } from '../contract.ts';
import type { IncrementalContexts, KeptContext } from '../files/incremental/incremental-contexts.ts';
import type { CachedStep, StepCache } from '../solver/step-cache.ts';
import type { KeptSources } from '../sources/kept-sources.ts';
import type { CacheMounts } from '../steps/cache-mounts.ts';
import { selectForPruning } from './select-for-pruning.ts';

export interface CacheKeeperParts {
  readonly cache: StepCache;
  readonly mounts: Pick<CacheMounts, 'list' | 'remove'>;
  readonly contexts: Pick<IncrementalContexts, 'list' | 'remove'>;
  readonly sources: Pick<KeptSources, 'list' | 'remove'>;
  readonly images: Pick<Images, 'list'>;
  readonly imageMaker: Pick<ImageMaker, 'dropLayers'>;
  /** Bytes on disk of a layer: its tar and what is kept besides. */
  readonly diskSize: (layer: Digest) => Promise<number>;
  /** Bytes that are free where all of it lies. */
  readonly freeSpace: () => Promise<number>;
}

/** Says what builds left for later ones, and takes it away. */
export class CacheKeeper {
  readonly #parts: CacheKeeperParts;
  /** Keys of the steps of builds under way. */
  readonly #used = new Set<ReadonlySet<Digest>>();

  constructor(parts: CacheKeeperParts) {
    this.#parts = parts;
  }

  /** What a build has to do with is in use until this is disposed. The set may grow meanwhile. */
  using(keys: ReadonlySet<Digest>): Disposable {
    this.#used.add(keys);
    return { [Symbol.dispose]: () => this.#used.delete(keys) };
  }

  async list(): Promise<readonly CacheRecord[]> {
    const { cache, mounts, contexts, sources, images } = this.#parts;
    const ofImages = layersOf(images.list());
    const steps = await Promise.all([...cache.list()].map((step) => this.#record(step, ofImages)));
    const local = (await contexts.list()).map(contextRecord);
    return [...steps, ...(await mounts.list()), ...local, ...sources.list()];
  }

  /** Least recently used first; what is in use stays. */
  async prune(context: Context, options: CachePruneOptions): Promise<CachePruneResult> {
    const records = await this.list();
    const chosen = selectForPruning(records, options, await this.#parts.freeSpace());
    const deleted: string[] = [];
    const layers = new Set<Digest>();
    let bytes = 0;
    for (const record of chosen) {
      context.signal.throwIfAborted();
      const freed = await this.#remove(record, layers);
      if (freed === undefined) continue;
      deleted.push(record.id);
      bytes += freed;
    }
    await this.#parts.imageMaker.dropLayers(context, layers);
    return { deleted, bytes };
  }

  /** Bytes that are free by it; undefined when somebody has begun to use it, or has removed it. Layers are left to be dropped. */
  async #remove(record: CacheRecord, layers: Set<Digest>): Promise<number | undefined> {
    const { id, type, size } = record;
    switch (type) {
      case 'source.local':
        return (await this.#parts.contexts.remove(id)) ? size : undefined;
      case 'source.http':
      case 'source.git.checkout':
        return this.#parts.sources.remove(id) ? size : undefined;
      case 'exec.cachemount':
        return await this.#removeMount(record);
      case 'regular':
        return this.#forget(record, layers);
    }
  }

  #removeMount({ id }: CacheRecord): Promise<number | undefined> {
    return this.#parts.mounts.remove(id).catch((error: unknown) => {
      if (isCode(error, 'conflict') || isCode(error, 'not-found')) return undefined;
      throw error;
    });
  }

  #forget(record: CacheRecord, layers: Set<Digest>): number | undefined {
    const key: Digest = `sha256:${record.id}`;
    const step = this.#parts.cache.get(key);
    if (step === undefined || this.#isUsed(key)) return undefined;
    this.#parts.cache.delete(key);
    for (const layer of step.layers) layers.add(layer);
    return record.shared ? 0 : record.size;
  }

  #isUsed(key: Digest): boolean {
    return [...this.#used].some((keys) => keys.has(key));
  }

  async #record(step: CachedStep, ofImages: ReadonlySet<Digest>): Promise<CacheRecord> {
    const { key, layers, parents, type, description, created, lastUsed, uses } = step;
    const sizes = await Promise.all(layers.map((layer) => this.#parts.diskSize(layer)));
    return {
      ...{ id: hexOf(key), parents: parents.map(hexOf), type, description, created, lastUsed, uses },
      inUse: this.#isUsed(key),
      shared: layers.length > 0 && layers.every((layer) => ofImages.has(layer)),
      size: sizes.reduce((sum, size) => sum + size, 0),
    };
  }
}

function contextRecord({ key, size, lastUsed }: KeptContext): CacheRecord {
  return {
    ...{ id: key, parents: [], type: 'source.local', description: 'local source for context', size },
    ...{ inUse: false, shared: false, created: lastUsed, lastUsed, uses: 1 },
  };
}

function layersOf(images: readonly Image[]): Set<Digest> {
  return new Set(images.flatMap(({ config }) => config.rootfs.diff_ids));
}
