import type { Context } from '../../base/context.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { FileTree } from '../file-tree.ts';

/** Headers alone, as cheaply as the tree has them. */
export async function* headersOf(
  context: Context,
  tree: FileTree,
  path: string,
): AsyncGenerator<TarHeader, void, void> {
  if (tree.headers !== undefined) yield* tree.headers(context, path);
  else for await (const { header } of tree.list(context, path)) yield header;
}
