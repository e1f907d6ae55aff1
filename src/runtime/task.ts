import type { Context } from '../base/context.ts';
import type { SpecResources } from '../oci/runtime-spec.ts';
import type { Plan } from '../plan/operations.ts';
import type { Cgroups } from './cgroup/contract.ts';
import type {
  Attachment,
  AttachOptions,
  CgroupStats,
  DnsSockets,
  ExecOptions,
  ExecTask,
  Exit,
  LogRotation,
  Task,
  TerminalSize,
} from './contract.ts';
import { planExec } from './exec-plan.ts';
import { readInterfaceStats } from './interface-stats.ts';
import { CGROUP_SLOT } from './slots.ts';
import { execErrorOf } from './start-errors.ts';
import type { SupervisedExec, Supervisor } from './supervisor.ts';
import type { TaskRecord } from './task-record.ts';

export interface TaskParts {
  readonly id: string;
  readonly supervisor: Supervisor;
  readonly attachments: readonly Attachment[];
  readonly record: TaskRecord;
  readonly cgroups: Cgroups;
  /** As Task.exited: also tells how it ended when the supervisor cannot. */
  readonly exited: Promise<Exit>;
}

/** A started container: its supervisor for what concerns the process, its cgroup for what concerns all of them. */
export class SupervisedTask implements Task {
  readonly #parts: TaskParts;

  constructor(parts: TaskParts) {
    this.#parts = parts;
  }

  get id(): string {
    return this.#parts.id;
  }

  get pid(): number {
    return this.#parts.supervisor.pid;
  }

  get startedAt(): Date {
    return this.#parts.supervisor.startedAt;
  }

  get attachments(): readonly Attachment[] {
    return this.#parts.attachments;
  }

  get exited(): Promise<Exit> {
    return this.#parts.exited;
  }

  onOom(listener: () => void): void {
    this.#parts.supervisor.onOom(listener);
  }

  attach(context: Context, options: AttachOptions): Promise<Attachment> {
    return this.#parts.supervisor.attach(context, options);
  }

  async exec(context: Context, options: ExecOptions): Promise<ExecTask> {
    const { supervisor, record, cgroups } = this.#parts;
    const plan = planExec({
      process: options.process,
      streams: options.streams,
      namespaces: record.namespaces,
      join: cgroups.join(record.group, this.pid, CGROUP_SLOT),
      filter: record.filter,
      keyring: this.id,
    });
    try {
      const exec = await supervisor.exec(context, { id: options.id, plan, attach: options.attach });
      return execTask(supervisor, exec);
    } catch (error) {
      throw execErrorOf(error, plan);
    }
  }

  signal(context: Context, signal: number): Promise<void> {
    return this.#parts.supervisor.signal(context, signal);
  }

  resize(context: Context, size: TerminalSize): Promise<void> {
    return this.#parts.supervisor.resize(context, size);
  }

  configureDns(context: Context, settings: Uint8Array): Promise<DnsSockets> {
    return this.#parts.supervisor.configureDns(context, settings);
  }

  publish(context: Context, plan: Partial<Plan>): Promise<void> {
    return this.#parts.supervisor.publish(context, plan);
  }

  limitLog(context: Context, rotation: LogRotation): Promise<void> {
    return this.#parts.supervisor.limitLog(context, rotation);
  }

  pause(context: Context): Promise<void> {
    return this.#parts.cgroups.freeze(context, this.#parts.record.group);
  }

  resume(context: Context): Promise<void> {
    return this.#parts.cgroups.thaw(context, this.#parts.record.group);
  }

  async update(_context: Context, resources: SpecResources): Promise<void> {
    this.#parts.cgroups.update(this.#parts.record.group, resources);
  }

  async processes(_context: Context): Promise<readonly number[]> {
    return this.#parts.cgroups.processes(this.#parts.record.group);
  }

  async stats(_context: Context): Promise<CgroupStats> {
    const { cgroups, record } = this.#parts;
    const networks = record.ownNetwork ? readInterfaceStats(this.pid) : undefined;
    return { ...cgroups.stats(record.group), networks };
  }
}

function execTask(supervisor: Supervisor, exec: SupervisedExec): ExecTask {
  const { id, pid, attachment, exited } = exec;
  return {
    id,
    pid,
    attachment,
    exited,
    signal: (context, signal) => supervisor.signal(context, signal, id),
    resize: (context, size) => supervisor.resize(context, size, id),
  };
}
