import type { Context } from '../base/context.ts';
import type { Endpoint } from '../network/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Attachment, AttachOptions, CgroupStats, TerminalSize } from '../runtime/contract.ts';
import type { ContainerUpdateRequest } from '../wire/container-changes.ts';
import type {
  ContainerConfig,
  EndpointConfig,
  ExecConfig,
  HostConfig,
  NetworkingConfig,
} from '../wire/container-config.ts';

/**
 * Containers: what was asked for (configuration), what is so (state), and the verbs that move one to the other.
 *
 * created -> running <-> paused; running -> exited -> running; restarting between runs of a restart policy; removing, dead.
 * References resolve as Docker's: full ID, name with or without "/", unique ID prefix. Verbs on one container exclude each other.
 */
export interface Containers {
  create(
    context: Context,
    request: CreateRequest,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  /** Fails with `not-found` "No such container: X", `invalid-argument` "multiple IDs found with provided prefix: X". */
  get(reference: string): Container;
  list(): readonly Container[];
  /** Fails with `not-modified` when it runs already, StartError when it cannot. */
  start(context: Context, reference: string): Promise<void>;
  /** `timeout` seconds until SIGKILL, -1 for never; undefined for the container's own. `not-modified` when not running. */
  stop(context: Context, reference: string, options: StopOptions): Promise<void>;
  restart(context: Context, reference: string, options: StopOptions): Promise<void>;
  kill(context: Context, reference: string, signal: string): Promise<void>;
  pause(context: Context, reference: string): Promise<void>;
  unpause(context: Context, reference: string): Promise<void>;
  rename(context: Context, reference: string, name: string): Promise<void>;
  remove(context: Context, reference: string, options: RemoveContainerOptions): Promise<void>;
  prune(context: Context, filter: (container: Container) => boolean): Promise<PruneResult>;
  /** Connects it to a network, at once if it runs. Fails in Docker's words. */
  connect(
    context: Context,
    reference: string,
    network: string,
    settings: EndpointConfig | undefined,
  ): Promise<void>;
  /** By force also where the kernel does not follow. */
  disconnect(
    context: Context,
    reference: string,
    network: string,
    options: { readonly force: boolean },
  ): Promise<void>;
  /**
   * Changes it without losing ID, files or log: at once where the kernel can, at its next start otherwise. Everything that is named or, when it
   * fails, nothing.
   */
  update(context: Context, reference: string, change: ContainerUpdateRequest): Promise<UpdateResult>;
  /** Waiting has begun when this returns: what happens afterwards is not missed. Resolves when the condition holds. */
  wait(context: Context, reference: string, condition: WaitCondition): Promise<WaitResult>;
  resize(context: Context, reference: string, size: TerminalSize): Promise<void>;
  top(context: Context, reference: string, psArguments: string): Promise<ProcessTable>;
  stats(context: Context, reference: string): Promise<StatsSample>;
  attach(context: Context, reference: string, options: ContainerAttachOptions): Promise<Attachment>;
  /** `frames` in Docker's multiplexed form, or raw bytes for a terminal. */
  logs(context: Context, reference: string, options: LogOptions): Promise<AsyncIterable<Uint8Array>>;
  size(context: Context, reference: string): Promise<{ readonly writable: number; readonly root: number }>;

  /**
   * What is at a path in a container, running or not, its volumes included; a last component that is a link is not followed.
   * Fails with `not-found` "Could not find the file X in container Y".
   */
  statPath(context: Context, reference: string, path: string): Promise<PathStat>;
  /**
   * A tar of what is at the path, its members named from the path's last component on. As long as it is read, a stopped container does not
   * start, nor one that stops meanwhile start again.
   */
  readPath(
    context: Context,
    reference: string,
    path: string,
  ): Promise<{ readonly stat: PathStat; readonly tar: AsyncIterable<Uint8Array> }>;
  /**
   * Unpacks a tar, in any compression that is supported, into the directory at the path. Fails with `not-found`, with `invalid-argument`
   * where there is no directory and on archives that are broken or lead out, with `permission-denied` where nothing may be written, with
   * `conflict` where a mount is in the way or kinds clash.
   */
  writePath(
    context: Context,
    reference: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: WritePathOptions,
  ): Promise<void>;
  /** A tar of the whole root filesystem, without what is mounted into it. */
  export(context: Context, reference: string): Promise<AsyncIterable<Uint8Array>>;
  /** What differs from the image, sorted by path, mount points included. */
  changes(context: Context, reference: string): Promise<readonly FilesystemChange[]>;
  /** Makes an image of the container, its mounts excepted. Returns its ID. Fails with `conflict` on a dead container. */
  commit(context: Context, reference: string, options: CommitOptions): Promise<Digest>;

  readonly execs: Execs;
}

/** The object of `X-Docker-Container-Path-Stat`. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's FileMode: permissions, directory 1<<31, symbolic link 1<<27 … */
  readonly mode: number;
  readonly mtime: Date;
  /** Of a link: where it leads, within the container. */
  readonly linkTarget: string;
}

export interface WritePathOptions {
  /** A directory does not replace another kind of file, nor the reverse. */
  readonly noOverwriteDirNonDir: boolean;
  /** All belongs to the container's user, where it has one, instead of the owners in the tar (Docker's `copyUIDGID`). */
  readonly copyOwners: boolean;
}

export interface FilesystemChange {
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

export interface CommitOptions {
  /** "name" or "name:tag", or empty. */
  readonly reference: string;
  readonly author: string;
  readonly comment: string;
  /** Whether the container stands still meanwhile. */
  readonly pause: boolean;
  /** Dockerfile instructions: CMD, ENV, … */
  readonly changes: readonly string[];
  /** Replaces the container's configuration, where the client sends one. */
  readonly config: ContainerConfig | undefined;
}

export interface Execs {
  create(context: Context, container: string, config: ExecConfig): Promise<string>;
  /** Fails with `not-found` "No such exec instance: X". */
  get(id: string): Exec;
  /** Undefined when detached. A process that cannot be started is told in the stream, as Docker does. */
  start(context: Context, id: string, options: ExecStartOptions): Promise<Attachment | undefined>;
  resize(context: Context, id: string, size: TerminalSize): Promise<void>;
}

export interface CreateRequest {
  /** Without "/"; empty for a made-up one. */
  readonly name: string;
  readonly platform: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly networking: NetworkingConfig | null;
}

export interface UpdateResult {
  readonly warnings: readonly string[];
  readonly changes: readonly AppliedChange[];
}

export interface AppliedChange {
  /** "publish", "env", "label", "memory" ... */
  readonly kind: string;
  /** Which of its kind; empty where there is only one. */
  readonly name: string;
  readonly removed: boolean;
  readonly applied: 'now' | 'next start';
}

export interface StopOptions {
  readonly timeout: number | undefined;
  /** Name or number; empty for the container's own. */
  readonly signal: string;
}

interface RemoveContainerOptions {
  readonly force: boolean;
  readonly volumes: boolean;
  readonly link: boolean;
}

export interface PruneResult {
  readonly deleted: readonly string[];
  readonly bytes: number;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  readonly code: number;
  /** Empty, or why waiting or removal failed. */
  readonly error: string;
}

export interface ContainerAttachOptions extends AttachOptions {
  /** First what is in the log. */
  readonly logs: boolean;
  /** Then what comes. */
  readonly stream: boolean;
}

export interface ExecStartOptions {
  readonly detach: boolean;
  readonly terminal: boolean;
  readonly size: TerminalSize;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Last lines, or all. */
  readonly tail: number | undefined;
  /** Nanoseconds since the epoch. */
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

export type ContainerStatus =
  | 'created'
  | 'running'
  | 'paused'
  | 'restarting'
  | 'removing'
  | 'exited'
  | 'dead';

/** Plain data; a new object for each change. */
export interface Container {
  /** 64 hex digits. */
  readonly id: string;
  /** Without "/". */
  readonly name: string;
  readonly created: Date;
  readonly createdNano: bigint;
  readonly imageId: string;
  readonly platform: string;
  /** First word of the command line, and the others. */
  readonly path: string;
  readonly args: readonly string[];
  /** Merged with the image's. */
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly networking: NetworkingConfig | null;
  readonly state: ContainerState;
  readonly restartCount: number;
  /** Name of the snapshot driver, and its data, as inspect's GraphDriver. */
  readonly driver: string;
  readonly driverData: Readonly<Record<string, string>>;
  readonly mounts: readonly MountPoint[];
  /** One per network it is connected to: the names asked for, with an endpoint while it runs. */
  readonly networks: Readonly<Record<string, ContainerNetwork>>;
  readonly execIds: readonly string[];
  /** Names that links of other containers give it, "other/alias"; none when absent. */
  readonly linkNames?: readonly string[];
  /** Host paths; empty before the first start. */
  readonly files: {
    readonly resolvConf: string;
    readonly hostname: string;
    readonly hosts: string;
    readonly log: string;
  };
}

export interface ContainerNetwork {
  readonly networkId: string;
  readonly endpoint: Endpoint | undefined;
}

export interface ContainerState {
  readonly status: ContainerStatus;
  /** 0 when there is no process. */
  readonly pid: number;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  /** RFC 3339 with nanoseconds, "0001-01-01T00:00:00Z" for never: as inspect shows them. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Of the last run; undefined when it was not checked. */
  readonly health?: Health | undefined;
}

export interface Health {
  readonly status: 'starting' | 'healthy' | 'unhealthy';
  /** Failures since the last success. */
  readonly failingStreak: number;
  /** The last results, oldest first. */
  readonly log: readonly HealthResult[];
}

export interface HealthResult {
  /** RFC 3339 with nanoseconds. */
  readonly start: string;
  readonly end: string;
  /** -1 when it could not be run, or took too long. */
  readonly exitCode: number;
  readonly output: string;
}

/** Inspect's Mounts. */
export interface MountPoint {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'image';
  readonly name: string | undefined;
  readonly source: string;
  readonly destination: string;
  readonly driver: string | undefined;
  readonly mode: string;
  readonly writable: boolean;
  readonly propagation: string;
}

export interface StatsSample {
  readonly time: Date;
  readonly container: Container;
  /** Undefined when it does not run. */
  readonly cgroup: CgroupStats | undefined;
  /** Nanoseconds of all processors since boot. */
  readonly systemCpu: number;
  readonly onlineCpus: number;
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly config: ExecConfig;
  readonly running: boolean;
  /** Null until it has ended. */
  readonly exitCode: number | null;
  readonly pid: number;
}
