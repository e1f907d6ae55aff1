import type { Dockerfile } from '../../dockerfile/dockerfile.ts';
import type { Image } from '../../images/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { BuildListener, TranscriptEvent } from '../contract.ts';
import type { Vertex } from '../definition/vertex.ts';
import type { CompileOptions } from '../frontend/compile.ts';
import type { HistoryStep, StageState, WrittenStep } from '../frontend/stage-state.ts';
import { neededStages } from '../frontend/targets.ts';
import { historyEntries, type MadeStep } from './history.ts';
import { leadsTo, type ToldSteps } from './known-steps.ts';
import { type Roots, stageTrail, type TrailStep } from './stage-trail.ts';

export interface NarratorParts {
  readonly file: Dockerfile;
  readonly options: CompileOptions;
  readonly listener: BuildListener;
  readonly told: ToldSteps;
  /** As they are before the build; if only some of them may stand in for the cache, those. */
  readonly images: readonly Image[];
  readonly isLimited: boolean;
  readonly sourceDate: number | undefined;
}

/**
 * Tells a build as the classic builder would: one instruction after the other, as the file has them. Images between the steps are not made,
 * but each has the ID that it is known by all the same: the same for the same steps.
 */
export class Narrator {
  readonly #parts: NarratorParts;
  readonly #numbers: readonly number[];
  readonly #total: number;
  readonly #ids = new Map<Vertex, Digest | undefined>();
  #count = 0;

  constructor(parts: NarratorParts) {
    const { file, options } = parts;
    this.#parts = parts;
    this.#numbers = neededStages(file, options);
    const labels = options.style === 'classic' ? Object.keys(options.labels).length : 0;
    const own = this.#numbers.map((number) => 1 + (file.stages[number]?.instructions.length ?? 0));
    this.#total = own.reduce((sum, count) => sum + count, file.globals.length + labels);
  }

  /** What is said before it is known what the images are. */
  begin(): void {
    this.#noteEmptyLines();
    for (const { text } of this.#parts.file.globals) this.#instruction(text);
    this.#from(0);
  }

  #noteEmptyLines(): void {
    const { statements, emptyContinuations } = this.#parts.file;
    const firsts = new Set(emptyContinuations.map(({ first }) => first));
    if (firsts.size === 0) return;
    for (const { original, lines } of statements) {
      if (!firsts.has(lines.first)) continue;
      this.#tell({ type: 'note', text: `[WARNING]: Empty continuation line found in: ${original}` });
    }
    const end = '[WARNING]: Empty continuation lines will become errors in a future release.';
    this.#tell({ type: 'note', text: end });
  }

  /** The rest, as the solver gets on. `imageOf` gives the ID of what the whole build makes. */
  async follow(
    stages: readonly StageState[],
    roots: Roots,
    imageOf: () => Promise<Digest | undefined>,
  ): Promise<void> {
    for (const [index, stage] of stages.entries()) {
      if (index > 0) this.#from(index);
      const isLast = index === stages.length - 1;
      const id = await this.#stage(stage, roots, isLast ? imageOf : undefined);
      this.#ids.set(stage.root, id);
      this.#tell({ type: 'stage', id });
    }
  }

  #tell(event: TranscriptEvent): void {
    this.#parts.listener.onTranscript?.(event);
  }

  #instruction(text: string): void {
    this.#tell({ type: 'instruction', number: ++this.#count, total: this.#total, text });
  }

  #from(index: number): void {
    const stage = this.#parts.file.stages[this.#numbers[index] ?? -1];
    if (stage !== undefined) this.#instruction(stage.from.text);
  }

  async #stage(
    stage: StageState,
    roots: Roots,
    imageOf: (() => Promise<Digest | undefined>) | undefined,
  ): Promise<Digest | undefined> {
    const triggers = stage.steps.filter(({ isTrigger }) => isTrigger).length;
    if (triggers > 0) this.#tell({ type: 'triggers', count: triggers });
    let id = this.#idOfBase(stage);
    if (triggers === 0) this.#tell({ type: 'image', id });
    const first = stage.history.length - stage.steps.length;
    const trail = stageTrail(stage, roots);
    const made: MadeStep[] = [];
    for (let index = 0; index < stage.history.length; index++) {
      const written = stage.steps[index - first];
      if (written !== undefined) this.#beginStep(stage, index, written);
      const { value: step } = await trail.next();
      if (step === undefined) break;
      made.push(step.made);
      const isEnd = index === stage.history.length - 1;
      const own = this.#idOf(stage, made, step);
      id = isEnd && imageOf !== undefined ? await imageOf() : own;
      if (written === undefined) continue;
      this.#endStep(stage, index, step, own, made);
      if (index - first >= triggers - 1) this.#tell({ type: 'image', id });
    }
    return id;
  }

  #beginStep({ history }: StageState, index: number, { text, isTrigger, note }: WrittenStep): void {
    if (!isTrigger) this.#instruction(text);
    if (note !== '') this.#tell({ type: 'note', text: note });
    const vertex = ownVertex(history, index);
    const runs = vertex?.operation.kind !== 'copy';
    this.#tell({ type: 'step', vertex: vertex?.digest, runs });
  }

  #endStep(stage: StageState, index: number, step: TrailStep, id: Digest, made: readonly MadeStep[]): void {
    const vertex = ownVertex(stage.history, index);
    const cached = vertex === undefined ? this.#isKnown(stage, step, id, made) : step.cached;
    this.#parts.told.add(id);
    this.#tell({ type: 'step-done', cached });
  }

  #isKnown({ base }: StageState, { layers }: TrailStep, id: Digest, made: readonly MadeStep[]): boolean {
    const { told, images, isLimited, options, sourceDate } = this.#parts;
    if (options.noCache === true) return false;
    if (!isLimited && told.has(id)) return true;
    const history = historyEntries(base?.history ?? [], made, options.style, sourceDate);
    return images.some((image) => leadsTo(image, history, layers));
  }

  #idOfBase({ start }: StageState): Digest | undefined {
    return start.operation.kind === 'image' ? start.operation.image : this.#ids.get(start);
  }

  #idOf({ base }: StageState, made: readonly MadeStep[], { layers }: TrailStep): Digest {
    const { options, sourceDate } = this.#parts;
    const history = historyEntries(base?.history ?? [], made, options.style, sourceDate);
    return digestOf(Buffer.from(JSON.stringify([history, layers])));
  }
}

/** The vertex that a line of the history stands for; undefined for one that only changes the configuration. */
function ownVertex(history: readonly HistoryStep[], index: number): Vertex | undefined {
  const step = history[index];
  const before = history[index - 1];
  const isOwn = step !== undefined && step.root !== before?.root && step.root.inputs.length > 0;
  return isOwn ? step.root : undefined;
}
