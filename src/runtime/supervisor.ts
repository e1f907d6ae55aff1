import { type Context, throwIfAborted } from '../base/context.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Plan } from '../plan/operations.ts';
import type { Attachment, AttachOptions, DnsSockets, Exit, LogRotation, TerminalSize } from './contract.ts';
import { encodeFrame, launcherFrames } from './frames.ts';
import { SupervisorClient } from './supervisor-client.ts';
import { decodeStart, decodeState, supervisorFrames } from './supervisor-protocol.ts';
import { SupervisorSession } from './supervisor-session.ts';

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
  /** As Task.configureDns. */
  configureDns(context: Context, settings: Uint8Array): Promise<DnsSockets>;
  /** As Task.publish. */
  publish(context: Context, plan: Partial<Plan>): Promise<void>;
  /** As Task.limitLog. */
  limitLog(context: Context, rotation: LogRotation): Promise<void>;
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
export async function startSupervised(context: Context, request: StartRequest): Promise<StartedContainer> {
  throwIfAborted(context);
  const session = await SupervisorSession.open(request.launcher);
  const client = new SupervisorClient(request.socket, session, context.log);
  const started = await session.ask(startFrames(request), launcherFrames.started);
  client.begin({ ...decodeStart(started), execs: [] });
  try {
    const attachments = await Promise.all(request.attach.map((options) => client.attach(context, options)));
    throwIfAborted(context);
    return { supervisor: client, attachments };
  } catch (error) {
    await client.signal(context, SIGKILL).catch(() => {});
    throw error;
  } finally {
    if (request.attach.length > 0) session.send(encodeFrame(supervisorFrames.release));
  }
}

const SIGKILL = 9;

/** HOLD goes right behind the plan: the supervisor finds it before it reads any output. */
function startFrames(request: StartRequest): Uint8Array {
  const plan = encodeFrame(launcherFrames.plan, encodePlan(request.plan));
  if (request.attach.length === 0) return plan;
  return Buffer.concat([plan, encodeFrame(supervisorFrames.hold)]);
}

/** Finds the supervisor of a running container again. Fails with `not-found` when nobody listens on the socket. */
export async function connectSupervisor(context: Context, socket: string): Promise<Supervisor> {
  throwIfAborted(context);
  const session = await SupervisorSession.open(socket);
  const client = new SupervisorClient(socket, session, context.log);
  const state = await session.ask(encodeFrame(supervisorFrames.wait), supervisorFrames.state);
  client.begin(decodeState(state));
  return client;
}
