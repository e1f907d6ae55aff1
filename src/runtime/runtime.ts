import { readFileSync } from 'node:fs';
import { background, type Context } from '../base/context.ts';
import { isCode } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { RuntimeSpec } from '../oci/runtime-spec.ts';
import type { Plan } from '../plan/operations.ts';
import type { Cgroups } from './cgroup/contract.ts';
import { type CgroupLayout, detectLayout, groupPath } from './cgroup/layout.ts';
import { openCgroups } from './cgroup/open-cgroups.ts';
import type { Bundle, Exit, HostCapabilities, RecoveredTask, Runtime, Task } from './contract.ts';
import { readHostCapabilities } from './host-capabilities.ts';
import type { LauncherProcess } from './launcher.ts';
import { planFromSpec } from './plan-from-spec.ts';
import { type SeccompFilter, SeccompFilters } from './seccomp/filters.ts';
import { startErrorOf } from './start-errors.ts';
import { connectSupervisor, type Supervisor, startSupervised } from './supervisor.ts';
import { readSupervisorState } from './supervisor-state.ts';
import { SupervisedTask } from './task.ts';
import { recordOf, TaskFiles, type TaskRecord } from './task-record.ts';

export interface RuntimeOptions {
  /** Directory for sockets and state of running containers, gone after a reboot as they are. */
  readonly execRoot: string;
  readonly launcher: Pick<LauncherProcess, 'socket' | 'ready'>;
  /** The group that containers' groups are made in by default; "/sampan". */
  readonly cgroupParent?: string;
  /** Control groups to use instead of those that are detected. */
  readonly cgroupLayout?: CgroupLayout;
  readonly log: Logger;
}

/** The host's runtime. Fails with `unavailable` where control groups are missing. */
export async function createRuntime(options: RuntimeOptions): Promise<Runtime> {
  const parent = groupPath(options.cgroupParent || '/sampan');
  const layout = options.cgroupLayout ?? detectLayout();
  const cgroups = openCgroups(layout);
  cgroups.prepareParent(`${parent}/any`);
  return new LauncherRuntime(options, cgroups, readHostCapabilities(layout, parent));
}

/** As of a process that SIGKILL ended: what is known of one whose supervisor is gone. */
const KILLED = 137;

class LauncherRuntime implements Runtime {
  readonly capabilities: HostCapabilities;
  readonly #options: RuntimeOptions;
  readonly #cgroups: Cgroups;
  readonly #filters: SeccompFilters;
  readonly #files: TaskFiles;

  constructor(options: RuntimeOptions, cgroups: Cgroups, capabilities: HostCapabilities) {
    this.capabilities = capabilities;
    this.#options = options;
    this.#cgroups = cgroups;
    this.#filters = new SeccompFilters(capabilities.kernelVersion);
    this.#files = new TaskFiles(options.execRoot);
  }

  async start(context: Context, bundle: Bundle): Promise<Task> {
    const { id, spec } = bundle;
    let plan: Plan | undefined;
    try {
      const record = recordOf(spec, this.#filterOf(spec));
      plan = this.#plan(bundle, record);
      await this.#options.launcher.ready();
      const { supervisor, attachments } = await startSupervised(context, {
        launcher: this.#options.launcher.socket,
        plan,
        socket: this.#files.socket(id),
        attach: bundle.attach ?? [],
      });
      return this.#task(id, supervisor, record, attachments);
    } catch (error) {
      this.#files.remove(id);
      throw startErrorOf(error, plan ?? {});
    }
  }

  async recover(context: Context, id: string): Promise<RecoveredTask> {
    const state = await readSupervisorState(this.#files.stateFile(id));
    const record = this.#files.read(id);
    if (state === undefined || record === undefined) return { state: 'none' };
    const { pid, startedAt, exit } = state;
    if (exit !== undefined) return { state: 'ended', pid, startedAt, exit };
    const supervisor = await this.#connect(context, id);
    if (supervisor !== undefined) {
      const task = this.#task(id, supervisor, record, []);
      return { state: 'running', task, paused: this.#cgroups.isFrozen(record.group) };
    }
    return { state: 'ended', pid, startedAt, exit: await this.#exitOfLost(context, id, record) };
  }

  async forget(context: Context, id: string, cgroupsPath?: string): Promise<void> {
    const lost = cgroupsPath === undefined ? undefined : groupPath(cgroupsPath);
    const group = this.#files.read(id)?.group ?? lost;
    if (group !== undefined) await this.#cgroups.remove(context, group);
    this.#files.remove(id);
  }

  #plan(bundle: Bundle, record: TaskRecord): Plan {
    this.#cgroups.prepareParent(groupPath(bundle.spec.linux.cgroupsPath));
    return planFromSpec({
      bundle,
      cgroups: this.#cgroups,
      filter: record.filter,
      supervision: this.#files.steps(bundle.id, record),
      rootMountpoint: mountpointFor(bundle),
    });
  }

  #filterOf({ linux, process }: RuntimeSpec): SeccompFilter | undefined {
    if (linux.seccomp === undefined) return undefined;
    return this.#filters.filterOf(linux.seccomp, process.capabilities?.bounding ?? []);
  }

  #task(id: string, supervisor: Supervisor, record: TaskRecord, attachments: Task['attachments']): Task {
    const exited = this.#exitOf(id, supervisor, record);
    return new SupervisedTask({ id, supervisor, record, attachments, exited, cgroups: this.#cgroups });
  }

  /** Follows the container beyond the loss of its supervisor, or of the connection to it. */
  async #exitOf(id: string, supervisor: Supervisor, record: TaskRecord): Promise<Exit> {
    const context = background(this.#options.log);
    for (
      let current: Supervisor | undefined = supervisor;
      current;
      current = await this.#connect(context, id)
    ) {
      try {
        return await current.exited;
      } catch (error) {
        this.#options.log.warn('lost a supervisor', { container: id, error });
      }
    }
    return this.#exitOfLost(context, id, record);
  }

  /** Undefined when nobody listens any more. */
  async #connect(context: Context, id: string): Promise<Supervisor | undefined> {
    try {
      return await connectSupervisor(context, this.#files.socket(id));
    } catch (error) {
      if (isCode(error, 'not-found')) return undefined;
      throw error;
    }
  }

  /** It may have written the exit down at the last moment; else nobody can watch the processes, so they are ended. */
  async #exitOfLost(context: Context, id: string, record: TaskRecord): Promise<Exit> {
    const state = await readSupervisorState(this.#files.stateFile(id));
    await this.#cgroups.remove(context, record.group).catch((error: unknown) => {
      this.#options.log.error('processes of a container without supervisor stay', { container: id, error });
    });
    const exit = state?.exit ?? { code: KILLED, finishedAt: new Date(), oomKilled: false };
    return { ...exit, lost: true };
  }
}

/** Where the filesystem that holds the root's directory is mounted; of interest only if mounts are shared with the host. */
function mountpointFor({ spec, rootTarget }: Bundle): string {
  if (spec.linux.rootfsPropagation !== 'shared') return '/';
  const mountpoints = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path !== '' && `${rootTarget}/`.startsWith(path === '/' ? '/' : `${path}/`));
  return mountpoints.reduce((longest, path) => (path.length > longest.length ? path : longest), '/');
}
