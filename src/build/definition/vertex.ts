import type { SandboxLimits } from '../../containers/sandbox/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { Platform } from '../../oci/image.ts';

/**
 * A *definition* is a graph of *vertices*: what is to be made, said so completely that two vertices with the same digest make the same.
 * A vertex takes the results of others as *inputs* and gives one *result*: a filesystem made of layers, or a tree of files that is not
 * one yet (a build context, a download). Dockerfiles compile to definitions; so may other front ends.
 */
export interface Vertex {
  /** Of the operation and the inputs' digests. */
  readonly digest: Digest;
  readonly operation: Operation;
  /** As the operation counts them. */
  readonly inputs: readonly Vertex[];
  readonly note: VertexNote;
}

/** What is said about a vertex, and is no part of it. */
export interface VertexNote {
  /** "[build 2/5] RUN make": for progress. */
  readonly name: string;
  /** Lines of the Dockerfile, from 1, both included. */
  readonly lines?: { readonly first: number; readonly last: number };
  /** The cache is not asked for it. */
  readonly ignoresCache: boolean;
  /** What a shell in its stage would be, as the stage was before it. */
  readonly shell?: { readonly root: Vertex; readonly operation: RunOperation };
}

export type Operation =
  | { readonly kind: 'scratch' }
  | ImageOperation
  | LocalOperation
  | HttpOperation
  | GitOperation
  | RunOperation
  | CopyOperation
  | DirectoryOperation;

/** An image's filesystem. */
export interface ImageOperation {
  readonly kind: 'image';
  /** Normalised, with the digest that it was resolved to: the same name may mean another image tomorrow. */
  readonly reference: string;
  readonly image: Digest;
  readonly platform: Platform;
}

/** A build context of this build, by its name ("context" for the main one), as it was when the build began. */
export interface LocalOperation {
  readonly kind: 'local';
  readonly name: string;
  /** Of its content. */
  readonly content: Digest;
}

/** One file from the web. */
export interface HttpOperation {
  readonly kind: 'http';
  readonly url: string;
  readonly filename: string;
  /** What it must be, or empty. */
  readonly checksum: string;
}

/** A repository's tree. */
export interface GitOperation {
  readonly kind: 'git';
  readonly url: string;
  /** Branch, tag or commit; empty for the default branch. */
  readonly ref: string;
  readonly subdirectory: string;
  readonly checksum: string;
  readonly keepGitDirectory: boolean;
}

/** A command in a container. Input 0 is its root; mounts name further inputs. Gives the root as the command left it. */
export interface RunOperation {
  readonly kind: 'run';
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** Variables that the command sees besides, and that are no part of what the vertex means: proxies. */
  readonly proxies: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly hostname: string;
  readonly network: 'default' | 'none' | 'host' | { readonly container: string } | { readonly name: string };
  readonly security: 'sandbox' | 'insecure';
  readonly platform: Platform;
  readonly mounts: readonly RunMount[];
  /** Files that the command finds for its run: heredocs that are scripts. Absolute paths. */
  readonly files: readonly { readonly path: string; readonly mode: number; readonly content: string }[];
  /** `docker build`'s own: "name:address". The addresses are no part of what the vertex means. */
  readonly extraHosts: readonly string[];
  readonly limits: SandboxLimits;
}

export type RunMount =
  | {
      readonly type: 'bind';
      readonly target: string;
      readonly input: number;
      readonly source: string;
      readonly readOnly: boolean;
    }
  | {
      readonly type: 'cache';
      readonly target: string;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readOnly: boolean;
      /** What it begins with when it is new. */
      readonly input: number | undefined;
      readonly source: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly size: number }
  | {
      readonly type: 'secret';
      /** Empty when only a variable is wanted. */
      readonly target: string;
      readonly id: string;
      readonly env: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: 'ssh';
      readonly target: string;
      readonly id: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** Files from input 1 and further onto input 0, as one layer. */
export interface CopyOperation {
  readonly kind: 'copy';
  readonly sources: readonly CopySource[];
  /** Absolute, clean; a trailing "/" says that it is a directory. */
  readonly destination: string;
  /** "user[:group]" as written, to be looked up in input 0; empty: contexts' files are root's, others keep theirs. */
  readonly owner: string;
  /** Octal or symbolic, or empty. */
  readonly mode: string;
  /** Input 0 is not looked at: links at the destination are not followed. */
  readonly link: boolean;
  /** The directories of a source are kept below the destination. */
  readonly keepsParents: boolean;
}

export type CopySource =
  | {
      readonly type: 'input';
      readonly input: number;
      /** Absolute within the input, clean. */
      readonly path: string;
      readonly hasWildcards: boolean;
      readonly excludes: readonly string[];
      /** Archives are unpacked: undefined for none, else which. */
      readonly unpack: boolean;
      /** With `keepsParents`: what of the path is not kept ("/./" in the source). */
      readonly pivot: string;
      /** A missing source is an error. */
      readonly required: boolean;
    }
  | { readonly type: 'inline'; readonly name: string; readonly content: string };

/** Makes a directory with its parents, as one layer, where it is missing. */
export interface DirectoryOperation {
  readonly kind: 'directory';
  readonly path: string;
  readonly mode: number;
  readonly owner: string;
}

/** What counts for a vertex's meaning in its operation: hosts' addresses and limits change nothing in what is made. */
function meaningOf(operation: Operation): unknown {
  if (operation.kind !== 'run') return operation;
  const { extraHosts, proxies: _, ...rest } = operation;
  return { ...rest, extraHosts: extraHosts.map((entry) => entry.replace(/[:=].*$/, '')) };
}

export function makeVertex(operation: Operation, inputs: readonly Vertex[], note: VertexNote): Vertex {
  const meaning = [meaningOf(operation), inputs.map((input) => input.digest)];
  return { digest: digestOf(Buffer.from(JSON.stringify(meaning))), operation, inputs, note };
}
