import type { ImageConfig, ImageProcess } from '../../oci/image.ts';
import type { Vertex } from '../definition/vertex.ts';
import type { Scope } from './scope.ts';

/** A line of the image's history; with `root` it is known, once that is made, whether it has added a layer. */
export interface HistoryStep {
  readonly createdBy: string;
  /** What the root filesystem is after the step. */
  readonly root: Vertex;
}

/** A stage as far as its instructions have been read. Never changed: each instruction makes a new one. */
export interface StageState {
  readonly name: string;
  readonly root: Vertex;
  /** Of the image that the stage begins with; undefined for none. */
  readonly base: ImageConfig | undefined;
  readonly process: ImageProcess;
  readonly author: string;
  readonly scope: Scope;
  readonly history: readonly HistoryStep[];
  /** Whether CMD was set by the stage itself: ENTRYPOINT then leaves it. */
  readonly hasOwnCommand: boolean;
}

/** The state with a further line of history, and what else changed. */
export function after(state: StageState, createdBy: string, change: Partial<StageState>): StageState {
  const root = change.root ?? state.root;
  return { ...state, ...change, history: [...state.history, { createdBy, root }] };
}
