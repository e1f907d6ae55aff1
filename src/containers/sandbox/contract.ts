import type { Context } from '../../base/context.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tree, TreePart } from '../../runtime/trees/contract.ts';

/**
 * Sandboxes: processes that run as a container's do - the same confinement, network and limits - without being a container: nobody sees
 * them, nothing remembers them, and what a killed daemon left of them goes when the next one starts.
 */
export interface Sandboxes {
  /** A writable root over layers, bottom first. Disposing removes it with all that ran in it. */
  open(context: Context, layers: readonly Digest[]): Promise<Sandbox>;
  /** Fails with `invalid-argument`, in the words for containers, on limits that nothing can run with here. */
  checkLimits(limits: SandboxLimits): void;
}

export interface Sandbox extends AsyncDisposable {
  /**
   * Runs a process to its end; when the context is given up, all that it started is killed first. Fails with StartError when it cannot be
   * started.
   */
  run(
    context: Context,
    request: SandboxRequest,
  ): Promise<{ readonly exitCode: number; readonly oomKilled: boolean }>;
  /** The root as it is now, without what was mounted for runs: to look at and to write to. */
  root(context: Context): Promise<Tree>;
  /**
   * What the runs changed as an image's layer, whiteouts as the image specification has them. Mount points that were made for a run and are
   * still empty are no change, and neither is a directory of which only the times differ and which nothing below changes.
   */
  changes(context: Context): AsyncIterable<TreePart>;
}

export interface SandboxRequest {
  readonly args: readonly string[];
  /** "NAME=value"; HOME is added from the user's entry when it is missing. */
  readonly env: readonly string[];
  readonly workingDirectory: string;
  /** "user[:group]", names or numbers; empty for root. */
  readonly user: string;
  readonly hostname: string;
  /** `name`: a network by its name or ID. */
  readonly network: 'default' | 'none' | 'host' | { readonly container: string } | { readonly name: string };
  readonly privileged: boolean;
  /** "name:address", "host-gateway" allowed. */
  readonly extraHosts: readonly string[];
  readonly mounts: readonly SandboxMount[];
  /** A file in every run: absolute path, read-only. */
  readonly files: readonly { readonly path: string; readonly mode: number; readonly content: Uint8Array }[];
  readonly limits: SandboxLimits;
  /** Told in order; the process waits for a promise before it can write much more. */
  readonly onOutput: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void | Promise<void>;
  /** Streams of a terminal instead: for a shell in a failed step. */
  readonly terminal?: SandboxTerminal;
}

export interface SandboxTerminal {
  readonly rows: number;
  readonly columns: number;
  readonly input: AsyncIterable<Uint8Array>;
  /** Told when the process runs, before anything that it writes: how its terminal's size is changed from then on. */
  readonly onStarted?: (resize: (rows: number, columns: number) => Promise<void>) => void;
}

/** Bytes, and the kernel's usual units; 0 or empty for no limit. */
export interface SandboxLimits {
  readonly cgroupParent: string;
  readonly memory: number;
  readonly memorySwap: number;
  readonly cpuShares: number;
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly shmSize: number;
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
}

export type SandboxMount =
  /** A directory or file of the host, trusted to be there. */
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  /**
   * Layers, or what is at a path in them, resolved within the layers. Unless read-only it may be written to, which only further runs of the
   * sandbox with the same mount see.
   */
  | {
      readonly type: 'layers';
      readonly layers: readonly Digest[];
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly size: number }
  /** A file on a memory filesystem: a secret. */
  | {
      readonly type: 'content';
      readonly target: string;
      readonly content: Uint8Array;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };
