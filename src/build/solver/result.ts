import { type Digest, digestOf } from '../../oci/digest.ts';
import type { FileTree } from '../file-tree.ts';

/** What a vertex made. */
export type Result = LayersResult | FilesResult;

/** A filesystem: its layers, bottom first. */
export interface LayersResult {
  readonly kind: 'layers';
  readonly layers: readonly Digest[];
  /** Brings those that are not here yet: to be called before any is used. */
  readonly bring?: Bring | undefined;
}

export type Bring = () => Promise<void>;

/** The same for all who call it. */
export function once(work: Bring): Bring {
  let working: Promise<void> | undefined;
  return () => {
    working ??= work();
    return working;
  };
}

/** All of what has to be brought; undefined for nothing. */
export function together(...brings: readonly (Bring | undefined)[]): Bring | undefined {
  const [first, ...others] = brings.filter((bring) => bring !== undefined);
  if (first === undefined || others.length === 0) return first;
  return once(async () => {
    await Promise.all([first, ...others].map((bring) => bring()));
  });
}

/** Files that are no filesystem's layers yet: a context, a download, a checkout. */
interface FilesResult {
  readonly kind: 'files';
  readonly tree: FileTree;
  /** Of a repository's files. */
  readonly commit?: string;
}

/** The same for results with the same content, wherever they come from. */
export function identityOf(result: Result): Digest {
  return result.kind === 'files' ? result.tree.digest : digestOf(Buffer.from(JSON.stringify(result.layers)));
}
