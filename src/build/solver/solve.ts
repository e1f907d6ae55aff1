import type { Context } from '../../base/context.ts';
import { messageOf } from '../../base/errors.ts';
import type { Slots } from '../../base/slots.ts';
import type { LayerLease } from '../../images/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { SnapshotDriver } from '../../snapshots/contract.ts';
import type { BuildListener } from '../contract.ts';
import type { Operation, Vertex } from '../definition/vertex.ts';
import type { InFlight } from './in-flight.ts';
import { identityOf, type LayersResult, type Result } from './result.ts';
import type { Made, Step, StepMaker, StepMakers, Surroundings } from './step.ts';
import type { StepCache } from './step-cache.ts';

export interface SolverParts {
  readonly makers: StepMakers;
  readonly cache: StepCache;
  readonly snapshots: Pick<SnapshotDriver, 'hasLayer'>;
  /** Steps of all builds that run at the same time. */
  readonly slots: Slots;
  /** Steps that several builds want at the same moment are made once. */
  readonly inFlight: InFlight;
  /** Bytes of a layer's tar. */
  readonly layerSize: (layer: Digest) => Promise<number>;
}

export interface Solution {
  readonly result: Result;
  /** Of the step, when it has one: what its successors name as their parents. */
  readonly key: Digest | undefined;
}

/**
 * Makes the vertices of one build, each once and as soon as its inputs are there; what can be looked up is not made. The first failure
 * ends the build.
 */
export class Solver {
  readonly #context: Context;
  readonly #parts: SolverParts;
  readonly #surroundings: Surroundings;
  readonly #lease: LayerLease;
  readonly #listener: BuildListener;
  readonly #failed = new AbortController();
  readonly #solutions = new Map<Digest, Promise<Solution>>();

  constructor(
    context: Context,
    parts: SolverParts,
    build: {
      readonly surroundings: Surroundings;
      readonly lease: LayerLease;
      readonly listener: BuildListener;
    },
  ) {
    this.#context = { ...context, signal: AbortSignal.any([context.signal, this.#failed.signal]) };
    this.#parts = parts;
    this.#surroundings = build.surroundings;
    this.#lease = build.lease;
    this.#listener = build.listener;
  }

  /** What a vertex makes. When it cannot be made, all that was at work has ended when this fails. */
  async solve(vertex: Vertex): Promise<Result> {
    try {
      return (await this.#solution(vertex)).result;
    } catch (error) {
      this.#failed.abort(error);
      await Promise.allSettled(this.#solutions.values());
      throw error;
    }
  }

  #solution(vertex: Vertex): Promise<Solution> {
    const known = this.#solutions.get(vertex.digest);
    if (known !== undefined) return known;
    const solving = this.#make(vertex);
    this.#solutions.set(vertex.digest, solving);
    return solving;
  }

  async #make(vertex: Vertex): Promise<Solution> {
    const inputs = await Promise.all(vertex.inputs.map((input) => this.#solution(input)));
    this.#context.signal.throwIfAborted();
    this.#listener.onStart?.(vertex.digest);
    try {
      const { solution, cached } = await this.#lookUpOrMake(vertex, inputs);
      this.#listener.onDone?.(vertex.digest, { cached });
      return solution;
    } catch (error) {
      this.#listener.onDone?.(vertex.digest, { cached: false, error: messageOf(error) });
      throw error;
    }
  }

  async #lookUpOrMake(
    vertex: Vertex,
    inputs: readonly Solution[],
  ): Promise<{ readonly solution: Solution; readonly cached: boolean }> {
    const maker = this.#parts.makers[vertex.operation.kind] as StepMaker;
    const step = this.#step(vertex, inputs);
    const meaning = await maker.key(step);
    const below = layersBelow(inputs);
    if (meaning === undefined) {
      return { solution: { result: onTop(below, await maker.make(step)), key: undefined }, cached: false };
    }
    const key = digestOf(Buffer.from(JSON.stringify(meaning)));
    const found = vertex.note.ignoresCache ? undefined : await this.#lookUp(key);
    if (found !== undefined) return { solution: { result: layers([...below, ...found]), key }, cached: true };
    const added = await this.#parts.inFlight.run(this.#context, key, this.#lease, (context) =>
      this.#makeCached(maker, { ...step, context }, key, inputs),
    );
    return { solution: { result: layers([...below, ...added]), key }, cached: false };
  }

  /** The layers that a step added when it was made, if all of them are here still; the build holds them from now on. */
  async #lookUp(key: Digest): Promise<readonly Digest[] | undefined> {
    const found = this.#parts.cache.take(key);
    if (found === undefined) return undefined;
    for (const layer of found.layers) this.#lease.hold(layer);
    const here = await Promise.all(found.layers.map((layer) => this.#parts.snapshots.hasLayer(layer)));
    if (here.every(Boolean)) return found.layers;
    this.#parts.cache.delete(key);
    return undefined;
  }

  async #makeCached(
    maker: StepMaker,
    step: Step,
    key: Digest,
    inputs: readonly Solution[],
  ): Promise<readonly Digest[]> {
    const made = await this.#parts.slots.run(step.context.signal, () => maker.make(step));
    if (made.kind !== 'added') throw new Error(`a step with a key made ${made.kind}`);
    const sizes = await Promise.all(made.layers.map((layer) => this.#parts.layerSize(layer)));
    this.#parts.cache.add({
      key,
      layers: made.layers,
      parents: inputs.flatMap((input) => input.key ?? []),
      description: step.vertex.note.name.replace(/^\[[^\]]*\] /, ''),
      type: 'regular',
      size: sizes.reduce((sum, size) => sum + size, 0),
    });
    return made.layers;
  }

  #step(vertex: Vertex, inputs: readonly Solution[]): Step<Operation> {
    const { digest, operation } = vertex;
    const listener = this.#listener;
    return {
      ...{ context: this.#context, vertex, operation, surroundings: this.#surroundings, lease: this.#lease },
      inputs: inputs.map(({ result }) => result),
      tell: {
        output: (stream, bytes) => listener.onOutput?.(digest, stream, bytes),
        progress: (id, current, total) => listener.onProgress?.(digest, id, current, total),
      },
    };
  }
}

/** The layers that a step's own go on top of. */
function layersBelow([first]: readonly Solution[]): readonly Digest[] {
  return first?.result.kind === 'layers' ? first.result.layers : [];
}

function layers(list: readonly Digest[]): LayersResult {
  return { kind: 'layers', layers: list };
}

function onTop(below: readonly Digest[], made: Made): Result {
  return made.kind === 'added' ? layers([...below, ...made.layers]) : made;
}

/** The part of a step's key that says what its inputs are. */
export function inputIdentities(step: Step): Digest[] {
  return step.inputs.map(identityOf);
}
