import type { Context } from '../../base/context.ts';
import { messageOf } from '../../base/errors.ts';
import type { Slots } from '../../base/slots.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { StepShell } from '../debug/failed-steps.ts';
import type { Operation, Vertex } from '../definition/vertex.ts';
import { BuildError } from '../errors.ts';
import type { EmptyLayer } from './empty-layer.ts';
import type { InFlight } from './in-flight.ts';
import { type Bring, identityOf, type LayersResult, type Result, together } from './result.ts';
import type { Made, ShellOpener, Step, StepMaker, StepMakers, Surroundings } from './step.ts';
import {
  descriptionOf,
  type FoundStep,
  StepLookup,
  type StepLookupBuild,
  type StepLookupParts,
  type WantedStep,
} from './step-lookup.ts';

export interface SolverParts extends StepLookupParts {
  readonly makers: StepMakers;
  /** Steps of all builds that run at the same time. */
  readonly slots: Slots;
  /** Steps that several builds want at the same moment are made once. */
  readonly inFlight: InFlight;
  /** For builds that are debugged. */
  readonly openShell: ShellOpener;
  readonly emptyLayer: EmptyLayer;
}

export interface Solution {
  readonly result: Result;
  /** Of the step, when it has one: what its successors name as their parents. */
  readonly key: Digest | undefined;
  /** The one that it would be found by more quickly, if it has another such key. */
  readonly quickKey: Digest | undefined;
  /** What a step with a key made: layers, without those below. */
  readonly made: readonly Digest[];
  /** When its layers were made; undefined where it has none of its own. */
  readonly created: Date | undefined;
  readonly cached: boolean;
}

export interface SolverBuild extends StepLookupBuild {
  readonly surroundings: Surroundings;
  /** Told of the keys of all steps that are looked up or made. */
  readonly uses: Set<Digest>;
  /** Of a build that is debugged: told of the first step that fails. */
  readonly debug: ((context: Context, failure: StepFailure) => Promise<void>) | undefined;
}

export interface StepFailure {
  readonly vertex: Vertex;
  readonly error: unknown;
  readonly shell: StepShell;
}

/**
 * Makes the vertices of one build, each once and as soon as its inputs are there; what can be looked up is not made. The first failure
 * ends the build.
 */
export class Solver {
  readonly #context: Context;
  /** Of the whole build, which goes on while a failed step is looked at. */
  readonly #outer: Context;
  readonly #parts: SolverParts;
  readonly #build: SolverBuild;
  readonly #lookup: StepLookup;
  readonly #failed = new AbortController();
  readonly #solutions = new Map<Digest, Promise<Solution>>();
  /** The failure that was looked at: steps that were stopped for it fail before it does. */
  #debugged: BuildError | undefined;

  constructor(context: Context, parts: SolverParts, build: SolverBuild) {
    this.#outer = context;
    this.#context = { ...context, signal: AbortSignal.any([context.signal, this.#failed.signal]) };
    this.#parts = parts;
    this.#build = build;
    this.#lookup = new StepLookup(this.#context, parts, build);
  }

  /** What a vertex makes. When it cannot be made, all that was at work has ended when this fails. */
  async solve(vertex: Vertex): Promise<Result> {
    try {
      return (await this.solution(vertex)).result;
    } catch (error) {
      this.#failed.abort(error);
      await Promise.allSettled(this.#solutions.values());
      throw this.#debugged ?? error;
    }
  }

  /** The same with all that is known of it; begins with it if nothing has yet. */
  solution(vertex: Vertex): Promise<Solution> {
    const known = this.#solutions.get(vertex.digest);
    if (known !== undefined) return known;
    const solving = this.#make(vertex);
    this.#solutions.set(vertex.digest, solving);
    return solving;
  }

  async #make(vertex: Vertex): Promise<Solution> {
    const inputs = await Promise.all(vertex.inputs.map((input) => this.solution(input)));
    this.#context.signal.throwIfAborted();
    const { listener } = this.#build;
    listener.onStart?.(vertex.digest);
    try {
      const solution = await this.#lookUpOrMake(vertex, inputs);
      listener.onDone?.(vertex.digest, { cached: solution.cached });
      return solution;
    } catch (error) {
      await this.#showFailed(vertex, error);
      listener.onDone?.(vertex.digest, { cached: false, error: messageOf(error) });
      if (this.#debugged?.vertex === vertex.digest) throw this.#debugged;
      // Whoever is stopped because another failed, or is no longer wanted, has not failed itself.
      if (this.#context.signal.aborted) throw error;
      throw failureOf(vertex, error);
    }
  }

  /** Of a step without a filesystem of its own, its stage's is shown, if that can be had. */
  async #showFailed(vertex: Vertex, error: unknown): Promise<void> {
    const { shell } = vertex.note;
    if (shell === undefined || this.#build.debug === undefined || this.#context.signal.aborted) return;
    try {
      const { result } = await this.solution(shell.root);
      const step = { ...this.#step(vertex, []), ...shell, inputs: [result], context: this.#outer };
      await this.#parts.openShell(this.#outer, step, (own) => this.#debug(vertex, error, own));
    } catch {
      // What the build failed of is what is to be told.
    }
  }

  /** Once: what else is at work is stopped, so that nothing else is said meanwhile. */
  async #debug(vertex: Vertex, error: unknown, shell: StepShell): Promise<void> {
    if (this.#context.signal.aborted) return;
    this.#debugged = failureOf(vertex, error);
    this.#failed.abort(this.#debugged);
    await this.#build.debug?.(this.#outer, { vertex, error, shell });
  }

  async #lookUpOrMake(vertex: Vertex, inputs: readonly Solution[]): Promise<Solution> {
    const maker = this.#parts.makers[vertex.operation.kind] as StepMaker;
    const step = this.#step(vertex, inputs);
    const about = {
      ...{ vertex, below: layersBelow(inputs) },
      parents: inputs.flatMap((input) => input.key ?? []),
    };
    const quickKey = this.#keyOf(maker.quickKey?.(step));
    // Caches elsewhere are not waited for where the other key can be found out at once.
    const quick = quickKey && (await this.#find({ ...about, key: quickKey }, inputs.some(isElsewhere)));
    if (quick) return await this.#solutionOf(quickKey, about.below, inputs, quick);
    const key = this.#keyOf(await maker.key(step));
    if (key === undefined) return unkeyed(onTop(about.below, await maker.make(step)));
    const wanted = { ...about, key };
    const found = await this.#find(wanted);
    if (found !== undefined) {
      return { ...(await this.#solutionOf(key, about.below, inputs, found)), quickKey };
    }
    this.#build.listener.onMake?.(vertex.digest);
    const made = await this.#makeOnce(maker, step, wanted);
    const created = this.#parts.cache.get(key)?.created;
    const solution = await this.#solutionOf(key, about.below, inputs, { layers: made, created });
    return { ...solution, quickKey, cached: false };
  }

  #keyOf(meaning: unknown): Digest | undefined {
    if (meaning === undefined) return undefined;
    const { sourceDate } = this.#build.surroundings;
    const whole = sourceDate === undefined ? meaning : [meaning, sourceDate];
    return digestOf(Buffer.from(JSON.stringify(whole)));
  }

  async #find(wanted: WantedStep, asksElsewhere = true): Promise<FoundStep | undefined> {
    this.#build.uses.add(wanted.key);
    return wanted.vertex.note.ignoresCache ? undefined : await this.#lookup.find(wanted, asksElsewhere);
  }

  async #solutionOf(
    key: Digest,
    below: readonly Digest[],
    inputs: readonly Solution[],
    { layers: made, created, bring }: FoundStep,
  ): Promise<Solution> {
    const added = await this.#orEmpty(made);
    const result = layers([...below, ...added], together(bringOf(inputs), bring));
    return { result, key, quickKey: undefined, made, created, cached: true };
  }

  /** The classic builder's images have no layer for a step that has changed nothing. */
  async #orEmpty(changed: readonly Digest[]): Promise<readonly Digest[]> {
    const { surroundings, lease } = this.#build;
    if (changed.length > 0 || surroundings.style === 'classic') return changed;
    return [await this.#parts.emptyLayer(this.#context, lease)];
  }

  /** A step that may be looked at when it fails is nobody else's. */
  #makeOnce(maker: StepMaker, step: Step, wanted: WantedStep): Promise<readonly Digest[]> {
    if (this.#build.debug !== undefined) return this.#makeCached(maker, step, wanted);
    return this.#parts.inFlight.run(this.#context, wanted.key, this.#build.lease, (context, lease) =>
      this.#makeCached(maker, { ...step, context, lease }, wanted),
    );
  }

  async #makeCached(
    maker: StepMaker,
    step: Step,
    { vertex, key, parents }: WantedStep,
  ): Promise<readonly Digest[]> {
    const made = await this.#parts.slots.run(step.context.signal, () => maker.make(step));
    if (made.kind !== 'added') throw new Error(`a step with a key made ${made.kind}`);
    const sizes = await Promise.all(made.layers.map((layer) => this.#parts.layerSize(layer)));
    this.#parts.cache.add({
      ...{ key, layers: made.layers, parents, type: 'regular', description: descriptionOf(vertex) },
      size: sizes.reduce((sum, size) => sum + size, 0),
    });
    return made.layers;
  }

  #step(vertex: Vertex, inputs: readonly Solution[]): Step<Operation> {
    const { digest, operation } = vertex;
    const { listener, surroundings, lease, debug } = this.#build;
    return {
      ...(debug === undefined
        ? {}
        : { failed: (error: unknown, shell: StepShell) => this.#debug(vertex, error, shell) }),
      ...{ context: this.#context, vertex, operation, surroundings, lease },
      inputs: inputs.map(({ result }) => result),
      tell: {
        output: (stream, bytes) => listener.onOutput?.(digest, stream, bytes),
        progress: (id, current, total) => listener.onProgress?.(digest, id, current, total),
      },
    };
  }
}

function failureOf({ digest, note }: Vertex, error: unknown): BuildError {
  return new BuildError(error, { vertex: digest, lines: note.lines, excerpt: '' });
}

/** The layers that a step's own go on top of. */
function layersBelow([first]: readonly Solution[]): readonly Digest[] {
  return first?.result.kind === 'layers' ? first.result.layers : [];
}

function layers(list: readonly Digest[], bring?: Bring): LayersResult {
  return bring === undefined ? { kind: 'layers', layers: list } : { kind: 'layers', layers: list, bring };
}

function isElsewhere({ result }: Solution): boolean {
  return result.kind === 'layers' && result.bring !== undefined;
}

function unkeyed(result: Result): Solution {
  return { result, key: undefined, quickKey: undefined, made: [], created: undefined, cached: false };
}

function bringOf([first]: readonly Solution[]): Bring | undefined {
  return first?.result.kind === 'layers' ? first.result.bring : undefined;
}

function onTop(below: readonly Digest[], made: Made): Result {
  return made.kind === 'added' ? layers([...below, ...made.layers]) : made;
}

/** The part of a step's key that says what its inputs are. */
export function inputIdentities(step: Step): Digest[] {
  return step.inputs.map(identityOf);
}
