import type { Digest } from '../../oci/digest.ts';
import type { Vertex } from '../definition/vertex.ts';
import type { HistoryStep, StageState } from '../frontend/stage-state.ts';
import type { Solution } from '../solver/solve.ts';
import { copiedContent } from './copied-content.ts';
import type { MadeStep } from './history.ts';

/** What a vertex makes, as a filesystem. */
export interface Roots {
  solution(vertex: Vertex): Promise<Solution>;
  layersOf(solution: Solution): Promise<readonly Digest[]>;
}

export interface TrailStep {
  readonly made: MadeStep;
  readonly cached: boolean;
  /** Of the root after the step, bottom first. */
  readonly layers: readonly Digest[];
}

/** The lines of a stage's history from its base image on, each as soon as it is made. */
export async function* stageTrail(stage: StageState, roots: Roots): AsyncGenerator<TrailStep, void, void> {
  let below = await roots.layersOf(await roots.solution(stage.origin));
  let before = stage.origin;
  for (const step of stage.history) {
    yield await trailStep(step, before, below.length, roots).then((done) => {
      below = done.layers;
      before = step.root;
      return done;
    });
  }
}

async function trailStep(step: HistoryStep, before: Vertex, count: number, roots: Roots): Promise<TrailStep> {
  const solution = await roots.solution(step.root);
  const layers = await roots.layersOf(solution);
  const isOwn = step.root !== before;
  return {
    cached: solution.cached,
    layers,
    made: {
      step,
      added: layers.length - count,
      created: isOwn ? solution.created : undefined,
      content: isOwn ? await copiedContent(step.root, solution.key, roots) : '',
    },
  };
}
