import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import type { Plan } from '../plan/operations.ts';
import type { Attachment, AttachOptions, Exit, TerminalSize } from './contract.ts';

/**
 * A container's supervisor, seen from the daemon: what a Task and its execs are made of.
 *
 * It is one connection on which requests go and notices come, plus one connection for each attachment and exec. Losing the
 * daemon loses nothing: `connectSupervisor` takes up again where the last daemon left.
 */
export interface Supervisor {
  /** Host PID of the container's first process. */
  readonly pid: number;
  readonly startedAt: Date;
  /**
   * Resolves once the process has gone, its output is in the log, the state file says so and the plan's `after` stage has run.
   * Rejects with `unavailable` when the supervisor itself vanished: then only the state file knows.
   */
  readonly exited: Promise<Exit>;
  /** Fires for each out-of-memory kill in the container's cgroup. */
  onOom(listener: () => void): void;
  /** Joins the streams of the first process, or of the exec `execId`. Fails with `not-found` when that has ended. */
  attach(context: Context, options: AttachOptions, execId?: string): Promise<Attachment>;
  /**
   * Carries out an exec's plan (`streams` in `before`, one `clone` with no new namespaces, `setns`... `exec` in `child`).
   * Resolves once the program has been exec'd; fails with PlanError. An attachment asked for is in place before it runs.
   */
  exec(context: Context, request: ExecRequest): Promise<SupervisedExec>;
  /** The execs that are still running: how a new daemon finds them again. */
  readonly execs: readonly SupervisedExec[];
  /** Fails with `not-found` when the process has ended. */
  signal(context: Context, signal: number, execId?: string): Promise<void>;
  /** Does nothing for a process without a terminal. */
  resize(context: Context, size: TerminalSize, execId?: string): Promise<void>;
  /** Hangs up; the container goes on. `exited` rejects if it was pending. */
  close(): void;
}

export interface ExecRequest {
  /** At most 64 characters, unique among the container's running execs. */
  readonly id: string;
  readonly plan: Partial<Plan>;
  readonly attach: AttachOptions | undefined;
}

export interface SupervisedExec {
  readonly id: string;
  readonly pid: number;
  readonly startedAt: Date;
  /** Present when `attach` was asked for. */
  readonly attachment: Attachment | undefined;
  /** As `Supervisor.exited`. */
  readonly exited: Promise<Exit>;
}

export interface StartRequest {
  /** Socket of the resident launcher (`sampan-launcher serve`). */
  readonly launcher: string;
  /** With `supervise` in `before` and a child stage. */
  readonly plan: Plan;
  /** The `socket` of the plan's `supervise`. */
  readonly socket: string;
  /** Clients that wait for the start: joined before any output is read, so that none misses the first byte. */
  readonly attach: readonly AttachOptions[];
}

export interface StartedContainer {
  readonly supervisor: Supervisor;
  /** One for each of `attach`, in its order. */
  readonly attachments: readonly Attachment[];
}

/** Has the launcher carry out a plan and stay as the container's supervisor. Fails with PlanError, leaving nothing behind. */
export function startSupervised(_context: Context, _request: StartRequest): Promise<StartedContainer> {
  throw new SampanError('unimplemented', 'the supervisor client is being written');
}

/** Finds the supervisor of a running container again. Fails with `not-found` when nobody listens on the socket. */
export function connectSupervisor(_context: Context, _socket: string): Promise<Supervisor> {
  throw new SampanError('unimplemented', 'the supervisor client is being written');
}

/** What a supervisor wrote down: the process, and its exit once there is one. */
export interface SupervisorState {
  readonly pid: number;
  readonly startedAt: Date;
  readonly exit: Exit | undefined;
}

/** Reads the `stateFile` of a plan's `supervise`; undefined when there is none, so that it never started. */
export function readSupervisorState(_path: string): Promise<SupervisorState | undefined> {
  throw new SampanError('unimplemented', 'the supervisor client is being written');
}
