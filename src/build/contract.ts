import type { Context } from '../base/context.ts';
import type { SandboxLimits, SandboxTerminal } from '../containers/sandbox/contract.ts';
import type { Credentials } from '../distribution/contract.ts';
import type { ImageStatement, LayerProgress } from '../images/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor, Platform } from '../oci/image.ts';
import type { FileTree } from './file-tree.ts';

/**
 * Build: images from Dockerfiles.
 *
 * A *front end* compiles a Dockerfile into a definition (`definition/`), the *solver* makes its vertices, each once, those that do not
 * depend on each other at the same time, and looks up what it can in the *cache*: what a vertex made, by the vertex's operation and the
 * content of its inputs. Steps run with the runtime itself: a build leaves no containers.
 */
export interface Builder {
  /** Fails with BuildError where it is known what of the Dockerfile failed; whatever was made stays in the cache. */
  build(context: Context, request: BuildRequest, listener: BuildListener): Promise<BuildResult>;
  /** Fails with `invalid-argument`, as builds with such limits do. */
  checkLimits(limits: SandboxLimits): void;
  /** Gives a running build up, by its request's ID; without effect when there is none. */
  cancel(id: string): void;
  /**
   * Answers a question about a Dockerfile, as BuildKit's front end does: "outline", "targets", "lint". Fails with `unimplemented` on others, and
   * with BuildError on a Dockerfile that cannot be read, unless it is the linter's.
   */
  inquire(context: Context, request: InquiryRequest, question: string): Promise<Inquiry>;
  /** Takes in what is built from. Fails with `invalid-argument` when there is no Dockerfile in it. */
  openContext(
    context: Context,
    source: ContextSource,
    dockerfile: string,
    style?: BuildRequest['style'],
  ): Promise<OpenBuildContext>;
  /** The same where no Dockerfile is wanted. */
  openTree(context: Context, source: ContextSource): Promise<OpenTree>;
  /**
   * What a build needs of its main context, as patterns of ignore files that mean those paths with all below them; undefined where that is
   * everything, or cannot be told yet: a base image that is not here may copy more.
   */
  contextPaths(context: Context, request: ContextPathsRequest): Promise<readonly string[] | undefined>;
  /**
   * Which listings (`ContextListing`, `context-listing.ts`) are not here from an earlier build of a context. `key`: 64 hexadecimal
   * digits, a client's for one of its directories; `listings`: their SHA-256 in such digits; `isPart`: whether there is more in the directory
   * than is listed. Fails with `invalid-argument` on anything else.
   */
  compareContext(key: string, listings: readonly string[], isPart: boolean): Promise<ComparedContext>;
  /**
   * Takes the listings that are not here, in their order. Which of all their entries are files whose bytes are not here, counted from 0. Fails
   * with `invalid-argument` on others than those, with `not-found`.
   */
  listContext(id: string, listings: readonly Buffer[]): readonly number[];
  /** Takes in a tree for one build that follows and returns its ID. It is kept for a while. */
  upload(context: Context, tar: AsyncIterable<Uint8Array>): Promise<string>;
  /** Such a tree, which is the caller's from now on. Fails with `not-found`. */
  takeUpload(id: string): OpenTree;
  /** Keeps secrets for a while, for one build that follows, and returns their ID. */
  keepSecrets(secrets: BuildSecrets): string;
  /** Fails with `not-found`. */
  takeSecrets(id: string): BuildSecrets;
  /**
   * Runs a command in a step that failed, of a build that is debugged, as the step left its filesystem and with all that the step had; the
   * build fails when it ends, or could not be started. Resolves with its exit status. Fails with `not-found`, with `conflict` when one has
   * been begun there already, with StartError.
   */
  runShell(context: Context, id: string, request: ShellRequest): Promise<number>;
  /** Fails with `not-found` where none runs. */
  resizeShell(id: string, rows: number, columns: number): Promise<void>;
  readonly directories: ClientDirectories;
  readonly mounts: MountArchives;
  /** What the cache holds. */
  cache(): Promise<readonly CacheRecord[]>;
  prune(context: Context, options: CachePruneOptions): Promise<CachePruneResult>;
}

/** By the IDs that Dockerfiles use. */
export type BuildSecrets = ReadonlyMap<string, Uint8Array>;

export type ContextSource =
  /** An archive in any compression that is supported. */
  | { readonly kind: 'tar'; readonly tar: AsyncIterable<Uint8Array> }
  /** The same of those files that were wanted of a compared context, which is the context. */
  | { readonly kind: 'compared'; readonly id: string; readonly tar: AsyncIterable<Uint8Array> }
  /** A Git repository, an archive on the web, or a Dockerfile there. */
  | { readonly kind: 'remote'; readonly url: string };

/** What decides on the paths that a build needs. */
export type ContextPathsRequest = Pick<
  BuildRequest,
  | 'dockerfile'
  | 'target'
  | 'args'
  | 'labels'
  | 'platforms'
  | 'pull'
  | 'network'
  | 'entitlements'
  | 'extraHosts'
  | 'limits'
  | 'style'
> & {
  /** The names of further trees; images by theirs. */
  readonly namedContexts: Readonly<Record<string, { readonly image: string } | undefined>>;
};

export interface ComparedContext {
  readonly id: string;
  /** Which of the listings are not here, counted from 0. */
  readonly unknown: readonly number[];
}

/** Its files go when it is disposed. */
export interface OpenTree extends Disposable {
  readonly tree: FileTree;
}

export interface OpenBuildContext extends OpenTree {
  /** The Dockerfile's text and where it was found: "Dockerfile". */
  readonly dockerfile: string;
  readonly filename: string;
  /** Where it came from, unless from the client. */
  readonly source?: RemoteSource | undefined;
}

export interface BuildRequest {
  /** By which it can be cancelled; empty for none. */
  readonly id: string;
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
  /** What steps may ask for beyond what containers have: "network.host". */
  readonly entitlements?: readonly string[];
  readonly extraHosts: readonly string[];
  readonly limits: SandboxLimits;
  readonly secrets: (id: string) => Promise<Uint8Array | undefined>;
  /** Host path of an agent's socket. */
  readonly ssh: (id: string) => Awaitable<string | undefined>;
  readonly credentials: (domain: string) => Awaitable<Credentials | undefined>;
  /** If any are given, only what these images consist of may come from the cache. */
  readonly cacheFrom: readonly string[];
  /** Caches elsewhere that are asked for steps that are not cached here; a cache that cannot be read has none. */
  readonly cacheImports?: readonly CacheWish[];
  /** Where steps are kept besides. */
  readonly cacheExports?: readonly CacheWish[];
  /** Docker's classic words and histories ("#(nop)"), or BuildKit's. */
  readonly style: 'classic' | 'buildkit';
  /** Seconds since the epoch that stand for now, in everything that is made. */
  readonly sourceDate: number | undefined;
  /** The first step that fails is kept until a shell in it has ended, if one is begun soon. */
  readonly debug?: boolean;
  /**
   * What is to be said about the images, as BuildKit's clients write it: by "provenance" or "sbom" the fields, "mode=max,version=v1",
   * "disabled=true" for nothing. With any of it the names are an index's.
   */
  readonly attestations?: Readonly<Record<string, string>>;
  /** What statements call the images, where they get no names here. */
  readonly statementNames?: readonly string[];
  /** Of manifests and of the index, by the keys of BuildKit's exporters: "annotation-manifest[linux/arm64].org.example.key". */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of all layers in manifests. By default gzip, and for one image without annotations what registries have or gzip when it is pushed. */
  readonly compression?: 'uncompressed' | 'gzip' | 'zstd' | undefined;
  /** Of the main context, where it is not a client's files. */
  readonly contextSource?: RemoteSource | undefined;
}

/** A cache as BuildKit's clients name it: the type "registry" with the attributes "ref" and "mode". */
export interface CacheWish {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The client's, for the type "local". */
  readonly directory?: CacheDirectory | undefined;
}

/** Where a client keeps blobs. What comes from it has not been verified. */
export interface CacheDirectory {
  /** The size in bytes of a blob that is there. */
  size(context: Context, digest: Digest): Promise<number | undefined>;
  read(context: Context, blob: Descriptor, offset: number): AsyncIterable<Uint8Array>;
  /** Resolves when the client has all of it. */
  write(context: Context, blob: Descriptor, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** All blobs are written: this one is what the cache is known by. */
  finish(context: Context, manifest: Descriptor): Promise<void>;
}

/** Directories of clients that are not asked but told: they come with what is wanted, and for what is offered. */
export interface ClientDirectories {
  /** Takes note of a directory and the sizes in bytes of the blobs in it, for one build that follows; its ID. It is kept for a while. */
  add(blobs: ReadonlyMap<Digest, number>): string;
  /** For a build, which its client hears through `tell`. Fails with `not-found`, and with `conflict` when another build has it. */
  use(id: string, tell: (move: BlobMove) => void): OpenDirectory;
  /** A blob that is wanted, from the offset that it is wanted from; resolves when it has been read. Fails with `not-found`. */
  give(context: Context, id: string, digest: Digest, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** A blob that is offered. Fails with `not-found`. */
  take(context: Context, id: string, digest: Digest): AsyncIterable<Uint8Array>;
}

/** The directory is forgotten when it is disposed. */
export interface OpenDirectory extends Disposable {
  readonly directory: CacheDirectory;
}

/** What a client is to bring, or to get; when all is there, the blob that a cache is known by. */
export interface BlobMove extends Descriptor {
  readonly kind: 'wanted' | 'offered' | 'finished';
  /** Its ID. */
  readonly directory: string;
  readonly offset: number;
}

/** Something that was fetched, for what is said about what it became part of. */
export interface RemoteSource {
  /** As it was asked for. */
  readonly url: string;
  /** A commit, or the digest of a file. */
  readonly checksum: { readonly algorithm: 'sha1' | 'sha256'; readonly hex: string };
}

/** Without a context no ignore file is looked at. */
export interface InquiryRequest
  extends Pick<BuildRequest, 'dockerfile' | 'filename' | 'target' | 'args' | 'platforms' | 'namedContexts'> {
  readonly context?: FileTree;
}

/** `json` as BuildKit's clients read it; `text` for people. `status`: 1 where something is not as it should be. */
export interface Inquiry {
  readonly json: unknown;
  readonly text: string;
  readonly status: number;
}

/** What to run on a terminal in a failed step; what is empty is the step's own. */
export interface ShellRequest {
  /** Empty for the shell of the step's stage. */
  readonly args: readonly string[];
  /** "NAME=value": beside the step's. */
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  /** Its start is told as the terminal's; until then nothing is read from its input. */
  readonly terminal: SandboxTerminal;
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
}

/** A failed step that is kept for a while, for `runShell`. */
interface ShellOffer {
  readonly id: string;
  readonly vertex: Digest;
  /** What is run if nothing else is asked for. */
  readonly args: readonly string[];
  /** Why the step has failed. */
  readonly error: string;
}

/** Some ask the client for it. */
type Awaitable<T> = T | Promise<T>;

export interface BuildResult {
  /** By platform, in the order asked for. */
  readonly images: readonly BuiltImage[];
  /** What the names stand for where they do not stand for the one image: of several platforms, or with something said about them. */
  readonly index?: { readonly digest: Digest; readonly size: number } | undefined;
  readonly warnings: readonly LintWarning[];
}

export interface BuiltImage {
  readonly platform: Platform;
  readonly id: Digest;
  /** Whether it was not here before. */
  readonly isNew: boolean;
  /** As the index has it, or its own, where one was asked for by annotations or a compression. */
  readonly manifest?: Digest | undefined;
  /** What the index says about it. */
  readonly statements?: readonly ImageStatement[];
}

export interface LintWarning {
  readonly rule: string;
  readonly description: string;
  readonly url: string;
  readonly detail: string;
  readonly lines: { readonly first: number; readonly last: number };
  /** Those lines, marked, among those around them. */
  readonly excerpt: string;
}

/** Told as it happens. Vertices are named by their digests. */
export interface BuildListener {
  /** Before anything is made. */
  onWarnings?(warnings: readonly LintWarning[]): void;
  /** What it is built by: bytes of the Dockerfile and of the ignore file. */
  onSources?(sources: {
    readonly filename: string;
    readonly dockerfile: number;
    readonly ignoreFile: number;
  }): void;
  /** A base image that comes from its registry. */
  onPull?(event: BasePull): void;
  /** What the classic builder would say, in its order: that of the Dockerfile, whatever was made when. */
  onTranscript?(event: TranscriptEvent): void;
  /** Before any of them starts: in the order of the Dockerfile. */
  onPlan?(
    vertices: readonly {
      readonly digest: Digest;
      readonly name: string;
      readonly inputs: readonly Digest[];
    }[],
  ): void;
  onStart?(vertex: Digest): void;
  /** It was not found in the cache. */
  onMake?(vertex: Digest): void;
  onOutput?(vertex: Digest, stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  /** Bytes of a download or a transfer. */
  onProgress?(vertex: Digest, id: string, current: number, total: number): void;
  onDone?(vertex: Digest, outcome: { readonly cached: boolean; readonly error?: string }): void;
  /** Of a build that is debugged; the step's `onDone` comes when that is over. */
  onShell?(offer: ShellOffer): void;
}

/** `reference`: in familiar form. An image that is sought is here already, or is found in its registry, or nowhere. */
export type BasePull =
  | { readonly type: 'sought'; readonly reference: string }
  | { readonly type: 'here'; readonly reference: string }
  | { readonly type: 'found'; readonly reference: string }
  | { readonly type: 'done'; readonly reference: string; readonly digest: Digest; readonly isNew: boolean }
  | { readonly type: 'failed'; readonly reference: string; readonly error: string }
  | { readonly type: 'layer'; readonly reference: string; readonly progress: LayerProgress };

export type TranscriptEvent =
  | { readonly type: 'instruction'; readonly number: number; readonly total: number; readonly text: string }
  /** What is unusual about the file, or about the step that begins. */
  | { readonly type: 'note'; readonly text: string }
  /** The base image's own instructions follow. */
  | { readonly type: 'triggers'; readonly count: number }
  /** One step begins: its vertex, if it has one of its own, and whether the classic builder would run a container for it. */
  | { readonly type: 'step'; readonly vertex: Digest | undefined; readonly runs: boolean }
  | { readonly type: 'step-done'; readonly cached: boolean }
  /** What an instruction made; undefined for nothing at all. */
  | { readonly type: 'image'; readonly id: Digest | undefined }
  /** Build arguments that no instruction has asked for. */
  | { readonly type: 'unused'; readonly args: readonly string[] }
  /** What a whole stage made. */
  | { readonly type: 'stage'; readonly id: Digest | undefined };

/** Cache mounts, by what Dockerfiles call them ("/root/.cache") or by their records' IDs. */
export interface MountArchives {
  /** A tar of what is in one; it may be used meanwhile. Fails with `not-found`. */
  export(context: Context, name: string): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Puts what a tar has, in any compression, in the place of what is in one; one that is not there is made. Returns its record's ID. Fails with
   * `conflict` while it is used, with `invalid-argument` on names that lead out of it; then nothing has changed.
   */
  import(context: Context, name: string, tar: AsyncIterable<Uint8Array>): Promise<string>;
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
