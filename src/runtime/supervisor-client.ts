import { type Context, throwIfAborted } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { encodePlan } from '../plan/encode.ts';
import type { Plan } from '../plan/operations.ts';
import type { Attachment, AttachOptions, DnsSockets, Exit, LogRotation, TerminalSize } from './contract.ts';
import { encodeFrame, launcherFrames } from './frames.ts';
import type { ExecRequest, SupervisedExec, Supervisor } from './supervisor.ts';
import {
  type ContainerState,
  decodeDnsSockets,
  decodeStart,
  encodeAttach,
  encodeExec,
  encodeLogRotation,
  encodeResize,
  encodeSignal,
  FIRST_PROCESS,
  type ProcessExit,
  supervisorFrames,
} from './supervisor-protocol.ts';
import { SupervisorSession } from './supervisor-session.ts';

/** The supervisor behind a socket, over a session that is subscribed to its exits. */
export class SupervisorClient implements Supervisor {
  readonly #socket: string;
  readonly #session: SupervisorSession;
  readonly #log: Logger;
  readonly #oomListeners: (() => void)[] = [];
  /** The exit that is awaited of each process, by its id. */
  readonly #exits = new Map<string, PromiseWithResolvers<Exit>>();
  readonly #execs = new Map<string, SupervisedExec>();
  readonly exited: Promise<Exit>;
  #pid = 0;
  #startedAt = new Date(0);

  constructor(socket: string, session: SupervisorSession, log: Logger) {
    this.#socket = socket;
    this.#session = session;
    this.#log = log;
    this.exited = this.#expectExit(FIRST_PROCESS);
    session.listen({
      exited: (exit) => this.#exited(exit),
      oom: () => {
        for (const listener of this.#oomListeners) listener();
      },
      note: (text) => this.#log.warn(`supervisor: ${text}`),
      closed: () => this.#lost(),
    });
  }

  /** Takes over what the supervisor said of the container. */
  begin(state: ContainerState): void {
    this.#pid = state.pid;
    this.#startedAt = state.startedAt;
    for (const exec of state.execs) {
      this.#execs.set(exec.id, { ...exec, attachment: undefined, exited: this.#expectExit(exec.id) });
    }
  }

  get pid(): number {
    return this.#pid;
  }

  get startedAt(): Date {
    return this.#startedAt;
  }

  get execs(): readonly SupervisedExec[] {
    return [...this.#execs.values()];
  }

  onOom(listener: () => void): void {
    this.#oomListeners.push(listener);
  }

  async attach(context: Context, options: AttachOptions, execId = FIRST_PROCESS): Promise<Attachment> {
    throwIfAborted(context);
    const request = encodeAttach(execId, options);
    const session = await SupervisorSession.open(this.#socket);
    const attachment = session.attach();
    try {
      await session.ask(request, supervisorFrames.attached);
      return attachment;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async exec(context: Context, request: ExecRequest): Promise<SupervisedExec> {
    throwIfAborted(context);
    const { id, attach } = request;
    if (this.#exits.has(id)) throw new SampanError('conflict', `exec ${id} is running already`);
    const message = encodeExec(id, attach, encodePlan(request.plan));
    const exited = this.#expectExit(id);
    try {
      const session = await SupervisorSession.open(this.#socket);
      session.listen({ exited: (exit) => this.#exited(exit) });
      const attachment = attach === undefined ? undefined : session.attach();
      const started = await session.ask(message, launcherFrames.started).catch((error: unknown) => {
        session.close();
        throw error;
      });
      if (attachment === undefined) session.close();
      const exec = { id, ...decodeStart(started), attachment, exited };
      // It may have ended before its start was heard of.
      if (this.#exits.has(id)) this.#execs.set(id, exec);
      return exec;
    } catch (error) {
      this.#exits.delete(id);
      throw error;
    }
  }

  async signal(_context: Context, signal: number, execId = FIRST_PROCESS): Promise<void> {
    await this.#session.ask(encodeSignal(execId, signal), supervisorFrames.ok);
  }

  async resize(_context: Context, size: TerminalSize, execId = FIRST_PROCESS): Promise<void> {
    await this.#session.ask(encodeResize(execId, size), supervisorFrames.ok);
  }

  async configureDns(_context: Context, settings: Uint8Array): Promise<DnsSockets> {
    const request = encodeFrame(supervisorFrames.dns, settings);
    return decodeDnsSockets(await this.#session.ask(request, supervisorFrames.ok));
  }

  async publish(_context: Context, plan: Partial<Plan>): Promise<void> {
    const request = encodeFrame(supervisorFrames.publish, encodePlan(plan));
    await this.#session.ask(request, supervisorFrames.ok);
  }

  async limitLog(_context: Context, rotation: LogRotation): Promise<void> {
    await this.#session.ask(encodeLogRotation(rotation), supervisorFrames.ok);
  }

  close(): void {
    this.#session.close();
  }

  #expectExit(id: string): Promise<Exit> {
    const exit = Promise.withResolvers<Exit>();
    this.#exits.set(id, exit);
    // Not everybody waits for every exit.
    exit.promise.catch(() => {});
    return exit.promise;
  }

  #exited({ id, exit }: ProcessExit): void {
    const awaited = this.#exits.get(id);
    this.#exits.delete(id);
    this.#execs.delete(id);
    awaited?.resolve(exit);
    if (id === FIRST_PROCESS) this.#session.close();
  }

  #lost(): void {
    const error = new SampanError(
      'unavailable',
      'the supervisor is gone without telling how the process ended',
    );
    for (const { reject } of this.#exits.values()) reject(error);
    this.#exits.clear();
    this.#execs.clear();
  }
}
