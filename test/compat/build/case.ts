/** A build, described once for all builders. The base image is "busybox", as test/fixtures/busybox-root.ts makes it. */
export interface BuildCase {
  readonly dockerfile: string;
  /** The context. A path that ends in "/" is a directory; parents are made as they are needed. */
  readonly files?: Readonly<Record<string, ContextFile>>;
  /** A shell script that makes what files cannot describe, in the context's directory. */
  readonly prepare?: string;
  /** For the command line. `<context>` stands for the context's directory. */
  readonly options?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** For the only builder that knows what the case is about. */
  readonly only?: BuilderName;
  /** Times are compared too. */
  readonly isDated?: boolean;
  /** Dockerfiles that are built before from the same context, by their images' names. */
  readonly before?: Readonly<Record<string, string>>;
}

/** Its text, or what else it is. Files are 0644, directories 0755 and everything is root's. */
export type ContextFile = string | { readonly text?: string; readonly mode?: number; readonly link?: string };

export type BuilderName = 'classic' | 'buildkit';

export const builders: readonly BuilderName[] = ['classic', 'buildkit'];

export type BuildCases = Readonly<Record<string, BuildCase>>;
