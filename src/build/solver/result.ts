import { type Digest, digestOf } from '../../oci/digest.ts';
import type { FileTree } from '../file-tree.ts';

/** What a vertex made. */
export type Result = LayersResult | FilesResult;

/** A filesystem: its layers, bottom first. */
export interface LayersResult {
  readonly kind: 'layers';
  readonly layers: readonly Digest[];
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
