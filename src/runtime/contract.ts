import type { Context } from '../base/context.ts';
import type { RuntimeSpec, SpecProcess, SpecResources } from '../oci/runtime-spec.ts';
import type { Plan } from '../plan/operations.ts';

/**
 * Runtime: turns an OCI runtime spec into a plan, has the launcher carry it out, and stays in touch with the supervisor.
 *
 * A *task* is a started container: its first process and the supervisor that is its parent. A task outlives the daemon: `recover`
 * finds it again. An *exec* is a further process in a task.
 */
export interface Runtime {
  /** Carries out a bundle. Resolves once the process has been exec'd; fails with StartError, leaving nothing behind. */
  start(context: Context, bundle: Bundle): Promise<Task>;
  /** The task of a container that may have been started by an earlier daemon: running, ended, or none (never started). */
  recover(context: Context, id: string): Promise<RecoveredTask>;
  /**
   * Deletes what is kept of an ended task (state file, socket, cgroup if one is left). `cgroupsPath`, as in its spec, says where its
   * processes are to be looked for when the record of it was lost.
   */
  forget(context: Context, id: string, cgroupsPath?: string): Promise<void>;
  /** What this host can do: for `info`, defaults and warnings. */
  readonly capabilities: HostCapabilities;
}

export interface Bundle {
  /** 64 hex digits. */
  readonly id: string;
  readonly spec: RuntimeSpec;
  /** Steps that put the root filesystem at `rootTarget` in the container's mount namespace. */
  readonly rootfs: Plan['child'];
  readonly rootTarget: string;
  /** What the network adds (veth pair, addresses, firewall, published ports) and undoes in `after`. */
  readonly network: Partial<Plan>;
  readonly streams: StreamOptions;
  /** Undefined: output is not logged. */
  readonly log: LogFileOptions | undefined;
  /** Clients that wait for the start: joined before any output is read, so that none misses the first byte. None when absent. */
  readonly attach?: readonly AttachOptions[];
}

export interface StreamOptions {
  readonly terminal: boolean;
  readonly stdin: boolean;
  /** Standard input closes once the first client that had it leaves. */
  readonly stdinOnce: boolean;
  /** Rows and columns at start, 0 for the kernel's default. */
  readonly size: TerminalSize;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

export interface LogRotation {
  /** Bytes before a rotation; 0 for none. */
  readonly maxSize: number;
  readonly maxFiles: number;
  readonly compress: boolean;
}

export interface LogFileOptions extends LogRotation {
  readonly path: string;
  /** The `attrs` of each record. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Exit {
  /** 0 to 255; 128 + signal when a signal ended it. */
  readonly code: number;
  readonly finishedAt: Date;
  readonly oomKilled: boolean;
  /** Its supervisor ended before it told: the `after` of `Bundle.network` may not have been carried out. */
  readonly lost?: true;
}

export interface Task {
  readonly id: string;
  /** Host PID of the first process. */
  readonly pid: number;
  readonly startedAt: Date;
  /** One for each of `Bundle.attach`, in its order; empty for a recovered task. */
  readonly attachments: readonly Attachment[];
  /** Resolves once: after the process has gone and its output is in the log. */
  readonly exited: Promise<Exit>;
  /** Fires for each out-of-memory kill while the task runs. */
  onOom(listener: () => void): void;
  attach(context: Context, options: AttachOptions): Promise<Attachment>;
  exec(context: Context, options: ExecOptions): Promise<ExecTask>;
  signal(context: Context, signal: number): Promise<void>;
  resize(context: Context, size: TerminalSize): Promise<void>;
  /**
   * Tells the container's DNS server what it answers from now on (`encodeDnsSettings` of the network), opening its sockets if it has none yet: then
   * the way to them is the caller's to make. Fails with `conflict` when a program of the container has the port.
   */
  configureDns(context: Context, settings: Uint8Array): Promise<DnsSockets>;
  /**
   * Replaces the container's published ports: `before` has a `publish` step for each, `after` the `netlink` steps that take them out of the
   * firewall when the container ends. Those that stay are not closed, connections by those that go live on. Fails with PlanError when
   * one cannot be bound, nothing having changed.
   */
  publish(context: Context, plan: Partial<Plan>): Promise<void>;
  /** Rotates the log otherwise from now on. */
  limitLog(context: Context, rotation: LogRotation): Promise<void>;
  pause(context: Context): Promise<void>;
  resume(context: Context): Promise<void>;
  update(context: Context, resources: SpecResources): Promise<void>;
  /** Host PIDs in the container's cgroup. */
  processes(context: Context): Promise<readonly number[]>;
  stats(context: Context): Promise<CgroupStats>;
}

export interface DnsSockets {
  /** On 127.0.0.11, of UDP and TCP. */
  readonly port: number;
  /** They were opened just now. */
  readonly opened: boolean;
}

export type RecoveredTask =
  /** `paused`: its processes were told to stand still, whether or not the daemon that did so lived to say it. */
  | { readonly state: 'running'; readonly task: Task; readonly paused: boolean }
  | { readonly state: 'ended'; readonly pid: number; readonly startedAt: Date; readonly exit: Exit }
  | { readonly state: 'none' };

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Bytes that end the attachment when typed on stdin of a terminal; empty for none. */
  readonly detachKeys: Uint8Array;
}

/**
 * A client's view of a process's streams. `frames` are Docker's multiplexed frames (stream, 0, 0, 0, length big-endian, bytes)
 * in whole or in parts, as they came; a terminal's output is all on stream 1. It ends when the process has ended and its output
 * is drained, or on detach.
 */
export interface Attachment extends AsyncDisposable {
  readonly frames: AsyncIterable<Uint8Array>;
  /** Resolves when the process took the bytes or nobody will. */
  write(chunk: Uint8Array): Promise<void>;
  /** Half-close: the client has no more input. */
  end(): Promise<void>;
  readonly detached: Promise<boolean>;
}

export interface ExecOptions {
  /** 64 hex digits. */
  readonly id: string;
  readonly process: SpecProcess;
  readonly streams: StreamOptions;
  /** Streams of the client that starts it, joined before the process runs so that no output is lost; undefined when detached. */
  readonly attach: AttachOptions | undefined;
}

export interface ExecTask {
  readonly id: string;
  readonly pid: number;
  /** Present when `attach` was asked for. */
  readonly attachment: Attachment | undefined;
  readonly exited: Promise<Exit>;
  signal(context: Context, signal: number): Promise<void>;
  resize(context: Context, size: TerminalSize): Promise<void>;
}

export type CgroupVersion = 1 | 2;

export interface HostCapabilities {
  readonly cgroupVersion: CgroupVersion;
  readonly cgroupControllers: ReadonlySet<string>;
  readonly kernelVersion: string;
  readonly seccomp: boolean;
  readonly appArmor: boolean;
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly kernelMemoryTcp: boolean;
  readonly cpuCfs: boolean;
  readonly cpuShares: boolean;
  readonly cpuset: boolean;
  readonly pidsLimit: boolean;
  readonly blkioWeight: boolean;
  readonly oomKillDisable: boolean;
  readonly cpuRealtime: boolean;
  readonly processors: number;
  readonly memoryBytes: number;
}

/** A reading of a container's cgroup, in Docker's terms (times in nanoseconds, sizes in bytes). Keys as in `GET /containers/{id}/stats`. */
export interface CgroupStats {
  readonly version: CgroupVersion;
  readonly pids: { readonly current: number; readonly limit: number | undefined };
  readonly cpu: {
    readonly total: number;
    readonly perCpu: readonly number[] | undefined;
    readonly kernel: number;
    readonly user: number;
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledTime: number;
  };
  readonly memory: {
    readonly usage: number;
    readonly maxUsage: number | undefined;
    readonly limit: number;
    readonly failCount: number | undefined;
    readonly stats: Readonly<Record<string, number>>;
  };
  readonly blkio: Readonly<Record<string, readonly BlkioEntry[] | null>>;
  /** By interface name inside the container; undefined when it shares another network. */
  readonly networks: Readonly<Record<string, InterfaceStats>> | undefined;
}

export interface BlkioEntry {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

export interface InterfaceStats {
  readonly rx_bytes: number;
  readonly rx_packets: number;
  readonly rx_errors: number;
  readonly rx_dropped: number;
  readonly tx_bytes: number;
  readonly tx_packets: number;
  readonly tx_errors: number;
  readonly tx_dropped: number;
}
