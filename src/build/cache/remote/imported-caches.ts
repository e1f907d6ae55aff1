import type { Context } from '../../../base/context.ts';
import { codeOf, messageOf, SampanError } from '../../../base/errors.ts';
import type { RegistryClient } from '../../../distribution/contract.ts';
import type { Image, Images, LayerExchange, LayerLease, LayerOffer } from '../../../images/contract.ts';
import type { Digest } from '../../../oci/digest.ts';
import { familiarReference, formatReference, repositoryOf } from '../../../oci/reference.ts';
import type { SnapshotDriver } from '../../../snapshots/contract.ts';
import type { BuildListener, BuildRequest } from '../../contract.ts';
import { type StepTeller, toldStep } from '../../told-step.ts';
import {
  type CacheLayer,
  type CacheResult,
  INLINE_CACHE,
  parseInlineCache,
  type ReadCache,
} from './cache-config.ts';
import type { CacheImport } from './cache-options.ts';
import { type CacheSource, directorySource, registrySource } from './cache-source.ts';
import { readCache } from './open-cache.ts';

export interface CacheImportParts {
  readonly registries: Pick<RegistryClient, 'artifact'>;
  readonly images: Pick<Images, 'find'>;
  readonly exchange: Pick<LayerExchange, 'bring'>;
  readonly snapshots: Pick<SnapshotDriver, 'hasLayer'>;
}

/** A step that somebody else has made. */
export interface ImportedStep {
  /** Those that the step added. */
  readonly layers: readonly Digest[];
  readonly created: Date | undefined;
  /** Brings the layers, unless they are here. Fails as `LayerExchange.bring` does, saying which cache it is about. */
  readonly bring?: (context: Context, lease: LayerLease, onProgress: LayerProgressListener) => Promise<void>;
}

export type LayerProgressListener = (id: string, current: number, total: number) => void;

/** A cache that could be read. */
interface OpenCache {
  readonly name: string;
  readonly results: ReadCache['results'];
  has(context: Context, layer: CacheLayer): Promise<boolean>;
  /** Undefined for what is here anyway. */
  offer(layer: CacheLayer): LayerOffer | undefined;
}

/**
 * The caches elsewhere that a build may take steps from. Each is read once, when the build begins; of what it says a step came of, nothing is
 * fetched before it is needed.
 */
export class ImportedCaches implements AsyncDisposable {
  readonly #over = new AbortController();
  readonly #parts: CacheImportParts;
  readonly #listener: BuildListener;
  readonly #request: Pick<BuildRequest, 'credentials'>;
  readonly #caches: readonly Promise<OpenCache | undefined>[];
  readonly #offers = new Map<Digest, LayerOffer>();
  /** Those that did not keep their word. */
  readonly #lost = new Set<OpenCache>();

  /** Begins to read them. One that cannot be read is told of, and has nothing. */
  constructor(
    context: Context,
    parts: CacheImportParts,
    request: Pick<BuildRequest, 'credentials'>,
    listener: BuildListener,
    imports: readonly CacheImport[],
  ) {
    this.#parts = parts;
    this.#listener = listener;
    this.#request = request;
    const own = { ...context, signal: AbortSignal.any([context.signal, this.#over.signal]) };
    this.#caches = imports.map((wanted) => this.#open(own, wanted));
  }

  /** Nobody asks any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new SampanError('cancelled', 'the build has ended'));
    await Promise.all(this.#caches);
  }

  /** A step by its key, from the first cache that has it with all its layers. */
  async find(context: Context, key: Digest): Promise<ImportedStep | undefined> {
    for (const opening of this.#caches) {
      const cache = await opening;
      const result = cache?.results.get(key);
      if (cache === undefined || result === undefined || this.#lost.has(cache)) continue;
      context.signal.throwIfAborted();
      const here = await Promise.all(result.layers.map((layer) => cache.has(context, layer)));
      if (here.every(Boolean)) return this.#step(cache, result);
    }
    return undefined;
  }

  /** Whether a failure is a cache's. That one has nothing from then on. */
  giveUp(error: unknown): boolean {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if (!(cause instanceof CacheFailure) || this.#lost.has(cause.cache)) continue;
      this.#lost.add(cause.cache);
      return true;
    }
    return false;
  }

  /** Who has a layer of a step that was found. */
  offerOf(layer: Digest): LayerOffer | undefined {
    return this.#offers.get(layer);
  }

  #step(cache: OpenCache, { layers, created }: CacheResult): ImportedStep {
    const offers = layers.flatMap((layer) => cache.offer(layer) ?? []);
    for (const offer of offers) this.#offers.set(offer.diffId, offer);
    const step = { layers: layers.map(({ diffId }) => diffId), created };
    if (offers.length === 0) return step;
    return {
      ...step,
      bring: async (context, lease, onProgress) => {
        for (const offer of offers) await this.#bring(context, cache, lease, offer, onProgress);
      },
    };
  }

  async #bring(
    context: Context,
    cache: OpenCache,
    lease: LayerLease,
    offer: LayerOffer,
    onProgress: LayerProgressListener,
  ): Promise<void> {
    try {
      await this.#parts.exchange.bring(context, lease, offer, ({ layer, step, current, total }) => {
        if (step === 'receiving') onProgress(layer, current, total);
      });
    } catch (cause) {
      context.signal.throwIfAborted();
      throw new CacheFailure(cache, cause);
    }
  }

  async #open(context: Context, wanted: CacheImport): Promise<OpenCache | undefined> {
    const name = nameOf(wanted);
    try {
      return await toldStep(this.#listener, `importing cache manifest from ${name}`, async (tell) => {
        try {
          return await this.#read(context, name, wanted, tell);
        } catch (error) {
          if (!this.#over.signal.aborted) throw error;
          tell.note('not needed any more');
          return undefined;
        }
      });
    } catch (error) {
      context.log.debug('a cache was not imported', { cache: name, error: messageOf(error) });
      return undefined;
    }
  }

  async #read(
    context: Context,
    name: string,
    wanted: CacheImport,
    tell: StepTeller,
  ): Promise<OpenCache | undefined> {
    const here = wanted.type === 'registry' ? this.#imageHere(wanted) : undefined;
    const source = here === undefined ? await this.#source(context, wanted) : undefined;
    const cache = source === undefined ? here : await readCache(context, source);
    if (cache?.isOurs) return source === undefined ? this.#here(name, cache) : elsewhere(name, cache, source);
    tell.note(
      cache === undefined
        ? `${name} is an image without a cache in it`
        : `${name} was written by another builder, whose steps mean nothing to this one`,
    );
    return undefined;
  }

  async #source(context: Context, wanted: CacheImport): Promise<CacheSource> {
    if (wanted.type === 'local') return directorySource(wanted.directory, wanted.digest);
    const { reference } = wanted;
    const credentials = await this.#request.credentials(reference.domain);
    const artifact = await this.#parts.registries.artifact(context, reference, credentials);
    return registrySource(artifact, repositoryOf(reference));
  }

  /** As with Docker, an image here that has a cache in it spares asking the registry. */
  #imageHere({ reference }: Extract<CacheImport, { type: 'registry' }>): ReadCache | undefined {
    const image = this.#parts.images.find(formatReference(reference));
    const text: unknown = image === undefined ? undefined : Reflect.get(image.config, INLINE_CACHE);
    return image === undefined || text === undefined ? undefined : readHere(image, text);
  }

  #here(name: string, { results }: ReadCache): OpenCache {
    const { snapshots } = this.#parts;
    return {
      ...{ name, results },
      has: (_, { diffId }) => snapshots.hasLayer(diffId),
      offer: () => undefined,
    };
  }
}

/** A cache has not what it says that it has. */
class CacheFailure extends SampanError {
  readonly cache: OpenCache;

  constructor(cache: OpenCache, cause: unknown) {
    super(codeOf(cause), `the cache ${cache.name} does not give what it has: ${messageOf(cause)}`, { cause });
    this.cache = cache;
  }
}

function elsewhere(name: string, { results }: ReadCache, source: CacheSource): OpenCache {
  const sizes = new Map<Digest, Promise<number | undefined>>();
  return {
    ...{ name, results },
    async has(context, { descriptor: { digest, size } }) {
      const asking = sizes.get(digest) ?? source.size(context, digest).catch(() => undefined);
      sizes.set(digest, asking);
      const found = await asking;
      // That a step was given up says nothing to the others.
      if (context.signal.aborted && found === undefined) sizes.delete(digest);
      return found === size;
    },
    offer: ({ diffId, descriptor }) => ({
      ...{ diffId, descriptor, place: source.place },
      open: (context, options) => source.blob(context, descriptor, options),
    }),
  };
}

/** The layers are all that is used of it: they are here under their own names. */
function readHere({ config: { rootfs } }: Image, text: unknown): ReadCache | undefined {
  const layers = rootfs.diff_ids.map((diffId) => ({
    diffId,
    descriptor: { digest: diffId, size: 0, mediaType: 'application/vnd.oci.image.layer.v1.tar' },
  }));
  try {
    return parseInlineCache(text, layers);
  } catch {
    return undefined;
  }
}

function nameOf(wanted: CacheImport): string {
  return wanted.type === 'registry' ? familiarReference(wanted.reference) : `local:${wanted.digest}`;
}
