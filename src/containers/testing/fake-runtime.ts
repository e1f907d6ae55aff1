import type { Context } from '../../base/context.ts';
import { notFound } from '../../base/errors.ts';
import type { SpecResources } from '../../oci/runtime-spec.ts';
import type { Plan } from '../../plan/operations.ts';
import type {
  Attachment,
  AttachOptions,
  Bundle,
  CgroupStats,
  DnsSockets,
  ExecOptions,
  ExecTask,
  Exit,
  HostCapabilities,
  LogRotation,
  RecoveredTask,
  Runtime,
  Task,
  TerminalSize,
} from '../../runtime/contract.ts';

const capabilities: HostCapabilities = {
  cgroupVersion: 1,
  cgroupControllers: new Set(['cpu', 'memory', 'pids', 'cpuset', 'blkio']),
  kernelVersion: '6.18.0',
  seccomp: true,
  appArmor: false,
  memoryLimit: true,
  swapLimit: true,
  kernelMemoryTcp: true,
  cpuCfs: true,
  cpuShares: true,
  cpuset: true,
  pidsLimit: true,
  blkioWeight: true,
  oomKillDisable: true,
  cpuRealtime: false,
  processors: 4,
  memoryBytes: 8 << 30,
};

/** A runtime without processes: tests end tasks by hand. */
export class FakeRuntime implements Runtime {
  readonly capabilities: HostCapabilities;
  readonly bundles: Bundle[] = [];
  readonly tasks = new Map<string, FakeTask>();
  readonly forgotten: string[] = [];
  /** What `recover` says of a container besides its running task. */
  readonly ended = new Map<string, RecoveredTask>();
  /** Thrown by the next starts, one each. */
  readonly failures: unknown[] = [];
  /** Signals that end a task at once, as most programs have it. */
  readonly deadly = new Set([9, 15]);
  #nextPid = 100_000;

  constructor(overrides: Partial<HostCapabilities> = {}) {
    this.capabilities = { ...capabilities, ...overrides };
  }

  async start(_context: Context, bundle: Bundle): Promise<Task> {
    this.bundles.push(bundle);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const task = new FakeTask(bundle.id, this.#nextPid++, this.deadly, bundle.attach ?? []);
    this.tasks.set(bundle.id, task);
    return task;
  }

  async recover(_context: Context, id: string): Promise<RecoveredTask> {
    const task = this.tasks.get(id);
    if (task !== undefined && !task.over) return { state: 'running', task, paused: task.frozen };
    return this.ended.get(id) ?? { state: 'none' };
  }

  async forget(_context: Context, id: string): Promise<void> {
    this.forgotten.push(id);
  }

  task(id: string): FakeTask {
    const task = this.tasks.get(id);
    if (task === undefined) throw new Error(`${id} was not started`);
    return task;
  }
}

export class FakeTask implements Task {
  readonly id: string;
  readonly pid: number;
  readonly startedAt = new Date();
  readonly attachments: readonly FakeAttachment[];
  readonly exited: Promise<Exit>;
  readonly signals: number[] = [];
  readonly updates: SpecResources[] = [];
  readonly execs: ExecOptions[] = [];
  readonly publishFailures: Error[] = [];
  updateFailure: Error | undefined;
  published: Partial<Plan> | undefined;
  rotation: LogRotation | undefined;
  pauseFailure: Error | undefined;
  execFailure: unknown;
  frozen = false;
  over = false;
  readonly #deadly: ReadonlySet<number>;
  #end: (exit: Exit) => void = () => {};
  #oomListeners: (() => void)[] = [];

  constructor(id: string, pid: number, deadly: ReadonlySet<number>, attach: readonly AttachOptions[]) {
    this.id = id;
    this.pid = pid;
    this.#deadly = deadly;
    this.attachments = attach.map(() => new FakeAttachment());
    this.exited = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  end(code: number, exit: Partial<Exit> = {}): void {
    this.over = true;
    this.#end({ code, finishedAt: new Date(), oomKilled: false, ...exit });
  }

  runOutOfMemory(): void {
    for (const listener of this.#oomListeners) listener();
  }

  onOom(listener: () => void): void {
    this.#oomListeners.push(listener);
  }

  async attach(): Promise<Attachment> {
    if (this.over) throw notFound('the process has ended');
    return new FakeAttachment();
  }

  async exec(_context: Context, options: ExecOptions): Promise<ExecTask> {
    this.execs.push(options);
    if (this.execFailure !== undefined) throw this.execFailure;
    return {
      id: options.id,
      pid: this.pid + 1000,
      attachment: options.attach === undefined ? undefined : new FakeAttachment(),
      exited: Promise.resolve({ code: 3, finishedAt: new Date(), oomKilled: false }),
      signal: async () => {},
      resize: async () => {},
    };
  }

  async signal(_context: Context, signal: number): Promise<void> {
    if (this.over) throw notFound('the process has ended');
    this.signals.push(signal);
    if (this.#deadly.has(signal)) this.end(128 + signal);
  }

  async resize(_context: Context, _size: TerminalSize): Promise<void> {}

  async publish(_context: Context, plan: Partial<Plan>): Promise<void> {
    const failure = this.publishFailures.shift();
    if (failure !== undefined) throw failure;
    this.published = plan;
  }

  async limitLog(_context: Context, rotation: LogRotation): Promise<void> {
    this.rotation = rotation;
  }

  async configureDns(): Promise<DnsSockets> {
    return { port: 53000, opened: false };
  }

  async pause(): Promise<void> {
    if (this.pauseFailure !== undefined) throw this.pauseFailure;
    this.frozen = true;
  }

  async resume(): Promise<void> {
    this.frozen = false;
  }

  async update(_context: Context, resources: SpecResources): Promise<void> {
    if (this.updateFailure !== undefined) throw this.updateFailure;
    this.updates.push(resources);
  }

  async processes(): Promise<readonly number[]> {
    return [process.pid];
  }

  stats(): Promise<CgroupStats> {
    throw notFound('the cgroup is gone');
  }
}

export class FakeAttachment implements Attachment {
  readonly frames = once(new Uint8Array([1, 0, 0, 0, 0, 0, 0, 1, 0x78]));
  readonly written: Uint8Array[] = [];
  readonly detached = Promise.resolve(false);
  disposed = false;

  async write(chunk: Uint8Array): Promise<void> {
    this.written.push(chunk);
  }

  async end(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}

async function* once(frame: Uint8Array): AsyncGenerator<Uint8Array> {
  yield frame;
}
