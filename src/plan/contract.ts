import type { Context } from '../base/context.ts';
import type { OperationName, Plan, Stage } from './operations.ts';

/** Why a plan failed: which step, on what, and the kernel's word for it. */
export interface PlanFailure {
  readonly stage: Stage;
  readonly operation: OperationName;
  /** Index of the step within its stage. */
  readonly index: number;
  /** Positive errno, 0 where the launcher itself refused. */
  readonly errno: number;
  /** The path, name or address that the step was working on; empty where there is none. */
  readonly subject: string;
  /** More words: a netlink extended acknowledgement, what was expected, or empty. */
  readonly detail: string;
}

/** What the steps of a one-shot plan returned, by their index in the `before` stage. */
export type PlanResults = ReadonlyMap<number, Uint8Array>;

/**
 * The one door to the kernel. A one-shot plan has only a `before` stage (and `after`): it runs in a launcher process of its
 * own, which then ends. Fails with PlanError.
 */
export interface Launcher {
  run(context: Context, plan: Partial<Plan>): Promise<PlanResults>;
}

/** A plan that goes on telling: see `watchNetfilter`. Disposing ends it. */
export interface Following extends Disposable {
  /** Resolves when it is over: disposed of, or because the launcher ended. */
  readonly ended: Promise<void>;
}

/** What a launcher can do beside: plans that do not end. */
export interface Follower {
  /** Resolves once the plan is carried out; from then on `result` gets what its last step tells. Fails as `run` does. */
  follow(context: Context, plan: Partial<Plan>, result: (bytes: Uint8Array) => void): Promise<Following>;
}
