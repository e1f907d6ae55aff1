import type { Context } from '../base/context.ts';
import type { SandboxLimits } from '../containers/sandbox/contract.ts';
import type { Credentials } from '../distribution/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Platform } from '../oci/image.ts';
import type { FileTree } from './file-tree.ts';

/**
 * Build: images from Dockerfiles.
 *
 * A *front end* compiles a Dockerfile into a definition (`definition/`), the *solver* makes its vertices, each once, those that do not
 * depend on each other at the same time, and looks up what it can in the *cache*: what a vertex made, by the vertex's operation and the
 * content of its inputs. Steps run with the runtime itself: a build leaves no containers.
 */
export interface Builder {
  /** Fails with DockerfileError, or SampanError with the step's words; whatever was made stays in the cache. */
  build(context: Context, request: BuildRequest, listener: BuildListener): Promise<BuildResult>;
  /** What the linter says; nothing is made. */
  check(context: Context, request: BuildRequest): Promise<readonly LintWarning[]>;
  /** What the cache holds. */
  cache(): Promise<readonly CacheRecord[]>;
  prune(context: Context, options: CachePruneOptions): Promise<CachePruneResult>;
}

export interface BuildRequest {
  readonly dockerfile: string;
  /** For messages: "Dockerfile". */
  readonly filename: string;
  readonly context: FileTree;
  /** `--build-context NAME=…`: further trees, or images ("docker-image://…"). */
  readonly namedContexts: Readonly<Record<string, FileTree | { readonly image: string }>>;
  /** A stage's name or number; empty for the last. */
  readonly target: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** One result for each. */
  readonly platforms: readonly Platform[];
  /** Names for the image, as written. */
  readonly tags: readonly string[];
  /** True for all stages, or their names. */
  readonly noCache: boolean | readonly string[];
  /** Base images are sought in their registries even if they are here. */
  readonly pull: boolean;
  readonly network: string;
  readonly extraHosts: readonly string[];
  readonly limits: SandboxLimits;
  readonly secrets: (id: string) => Promise<Uint8Array | undefined>;
  /** Host path of an agent's socket. */
  readonly ssh: (id: string) => string | undefined;
  readonly credentials: (domain: string) => Credentials | undefined;
  /** Images whose history may stand in for the cache. */
  readonly cacheFrom: readonly string[];
  /** Docker's classic words and histories ("#(nop)"), or BuildKit's. */
  readonly style: 'classic' | 'buildkit';
  /** Seconds since the epoch that stand for now, in everything that is made. */
  readonly sourceDate: number | undefined;
}

export interface BuildResult {
  /** By platform, in the order asked for. */
  readonly images: readonly { readonly platform: Platform; readonly id: Digest }[];
  readonly warnings: readonly LintWarning[];
}

export interface LintWarning {
  readonly rule: string;
  readonly description: string;
  readonly url: string;
  readonly detail: string;
  readonly lines: { readonly first: number; readonly last: number };
}

/** Told as it happens. Vertices are named by their digests. */
export interface BuildListener {
  /** Before any of them starts: in the order of the Dockerfile. */
  onPlan?(
    vertices: readonly {
      readonly digest: Digest;
      readonly name: string;
      readonly inputs: readonly Digest[];
    }[],
  ): void;
  onStart?(vertex: Digest): void;
  onOutput?(vertex: Digest, stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  /** Bytes of a download or a transfer. */
  onProgress?(vertex: Digest, id: string, current: number, total: number): void;
  onDone?(vertex: Digest, outcome: { readonly cached: boolean; readonly error?: string }): void;
}

export interface CacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly type: 'regular' | 'source.local' | 'exec.cachemount' | 'source.git.checkout' | 'source.http';
  readonly description: string;
  readonly inUse: boolean;
  /** Whether an image has it too: then pruning it frees nothing. */
  readonly shared: boolean;
  /** Bytes on disk. */
  readonly size: number;
  readonly created: Date;
  readonly lastUsed: Date | undefined;
  readonly uses: number;
}

export interface CachePruneOptions {
  /** Also what is in no build's way but was used lately. */
  readonly all: boolean;
  /** Bytes that may stay, least recently used going first. */
  readonly reservedSpace: number;
  readonly maxUsedSpace: number;
  readonly minFreeSpace: number;
  readonly filter: (record: CacheRecord) => boolean;
}

export interface CachePruneResult {
  readonly deleted: readonly string[];
  readonly bytes: number;
}
