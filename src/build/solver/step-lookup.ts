import type { Context } from '../../base/context.ts';
import type { LayerLease } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { SnapshotDriver } from '../../snapshots/contract.ts';
import type { ImportedCaches, ImportedStep } from '../cache/remote/imported-caches.ts';
import type { BuildListener } from '../contract.ts';
import type { Vertex } from '../definition/vertex.ts';
import { toldStep } from '../told-step.ts';
import { type Bring, once } from './result.ts';
import type { StepCache } from './step-cache.ts';

export type StandIn = (
  vertex: Vertex,
  key: Digest,
  below: readonly Digest[],
) => Promise<FoundStep | undefined>;

export interface FoundStep {
  readonly layers: readonly Digest[];
  readonly created: Date | undefined;
  /** Where not all of the layers are here. */
  readonly bring?: Bring | undefined;
}

/** A step that is about to be made. */
export interface WantedStep {
  readonly vertex: Vertex;
  readonly key: Digest;
  readonly below: readonly Digest[];
  /** Keys of the steps that its inputs came from. */
  readonly parents: readonly Digest[];
}

export interface StepLookupParts {
  readonly cache: StepCache;
  readonly snapshots: Pick<SnapshotDriver, 'hasLayer'>;
  /** Bytes of a layer's tar. */
  readonly layerSize: (layer: Digest) => Promise<number>;
}

export interface StepLookupBuild {
  readonly lease: LayerLease;
  readonly listener: BuildListener;
  /** Asked instead of the cache, if given: what a step with this key adds to the layers below it. */
  readonly standIn: StandIn | undefined;
  /** Asked for what the cache has not. */
  readonly imports?: Pick<ImportedCaches, 'find'> | undefined;
}

/** Finds what steps added when they were made, here or elsewhere; the build holds it from then on. */
export class StepLookup {
  readonly #context: Context;
  readonly #parts: StepLookupParts;
  readonly #build: StepLookupBuild;

  constructor(context: Context, parts: StepLookupParts, build: StepLookupBuild) {
    this.#context = context;
    this.#parts = parts;
    this.#build = build;
  }

  async find(wanted: WantedStep, asksElsewhere: boolean): Promise<FoundStep | undefined> {
    const { standIn, imports } = this.#build;
    const here = await this.#here(wanted);
    if (here !== undefined || standIn !== undefined || !asksElsewhere) return here;
    const imported = await imports?.find(this.#context, wanted.key);
    return imported === undefined ? undefined : await this.#take(wanted, imported);
  }

  /** If all of it is here still. */
  async #here({ vertex, key, below }: WantedStep): Promise<FoundStep | undefined> {
    const { standIn, lease } = this.#build;
    const { cache, snapshots } = this.#parts;
    const known = standIn === undefined ? cache.get(key) : await standIn(vertex, key, below);
    if (known === undefined) return undefined;
    for (const layer of known.layers) lease.hold(layer);
    const here = await Promise.all(known.layers.map((layer) => snapshots.hasLayer(layer)));
    const isHere = here.every(Boolean);
    if (isHere) cache.take(key);
    else if (standIn === undefined) cache.delete(key);
    return isHere ? { layers: known.layers, created: known.created } : undefined;
  }

  /** What came from elsewhere is in our cache as soon as all of it is here. */
  async #take(wanted: WantedStep, imported: ImportedStep): Promise<FoundStep> {
    const { lease, listener } = this.#build;
    const { layers, created } = imported;
    for (const layer of layers) lease.hold(layer);
    const { bring } = imported;
    if (bring === undefined) {
      await this.#keep(wanted, imported);
      return { layers, created };
    }
    const fetch = async (): Promise<void> => {
      await toldStep(listener, `fetching cached ${wanted.vertex.note.name}`, ({ progress }) =>
        bring(this.#context, lease, progress),
      );
      await this.#keep(wanted, imported);
    };
    return { layers, created, bring: once(fetch) };
  }

  async #keep({ vertex, key, parents }: WantedStep, { layers, created }: ImportedStep): Promise<void> {
    const { cache, layerSize } = this.#parts;
    const sizes = await Promise.all(layers.map(layerSize));
    cache.add({
      ...{ key, layers, parents, description: descriptionOf(vertex), type: 'regular', created },
      size: sizes.reduce((sum, size) => sum + size, 0),
    });
  }
}

/** Without the place in its stage, which a cache has nothing to do with. */
export function descriptionOf({ note }: Vertex): string {
  return note.name.replace(/^\[[^\]]*\] /, '');
}
