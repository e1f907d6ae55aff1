import type { Context } from '../../base/context.ts';
import type { LayerLease } from '../../images/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { BuildRequest } from '../contract.ts';
import type { StepShell } from '../debug/failed-steps.ts';
import type { Operation, RunOperation, Vertex } from '../definition/vertex.ts';
import type { Result } from './result.ts';

/** One vertex about to be made: its inputs are. */
export interface Step<O extends Operation = Operation> {
  readonly context: Context;
  readonly vertex: Vertex;
  readonly operation: O;
  readonly inputs: readonly Result[];
  readonly surroundings: Surroundings;
  /** Holds what the build makes. */
  readonly lease: LayerLease;
  readonly tell: StepListener;
  /**
   * Of a build that is debugged: to be called before what a failed step made is cleared away. Resolves when it is wanted no more. By then the
   * step's context is given up.
   */
  readonly failed?: (error: unknown, shell: StepShell) => Promise<void>;
}

/** What a build brings along that is no part of its definition. */
export type Surroundings = Pick<
  BuildRequest,
  'context' | 'namedContexts' | 'secrets' | 'ssh' | 'credentials' | 'sourceDate' | 'style'
>;

interface StepListener {
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  progress(id: string, current: number, total: number): void;
}

/** How one kind of operation is carried out. */
export interface StepMaker<O extends Operation = Operation> {
  /**
   * What the result depends on, as JSON: the operation's meaning and the content of as much of the inputs as counts. Steps with the same key
   * make the same. Undefined for what is made anew each time because looking it up would take as long.
   */
  key(step: Step<O>): Promise<unknown>;
  /**
   * The same where it would have to be looked into filesystems for that: without it, so that more counts than has to. What is found by it need not
   * be looked at. Undefined where the other is as quick.
   */
  quickKey?(step: Step<O>): unknown;
  make(step: Step<O>): Promise<Made>;
}

/** Opens a shell's filesystem for as long as `use` takes, where a step has none of its own. */
export type ShellOpener = (
  context: Context,
  step: Step<RunOperation>,
  use: (shell: StepShell) => Promise<void>,
) => Promise<void>;

/** What a step made: layers on top of its first input's (none for a source), or files. */
export type Made = { readonly kind: 'added'; readonly layers: readonly Digest[] } | Result;

export type StepMakers = { readonly [K in Operation['kind']]: StepMaker<Extract<Operation, { kind: K }>> };
