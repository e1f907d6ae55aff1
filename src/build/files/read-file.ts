import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { FileTree } from '../file-tree.ts';
import { followLinks } from './follow-links.ts';

/** What a small file holds, links followed; undefined where there is none. Fails with `exhausted` above `limit` bytes. */
export async function readFile(
  context: Context,
  tree: FileTree,
  path: string,
  limit: number,
): Promise<Buffer | undefined> {
  const real = await followLinks(context, tree, path);
  const entry = await tree.stat(context, real);
  if (entry?.header.type !== 'file') return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const part of tree.read(context, real, () => true)) {
    if (!(part instanceof Uint8Array)) continue;
    size += part.length;
    if (size > limit) throw new SampanError('exhausted', `${toText(path)} is larger than ${limit} bytes`);
    chunks.push(Buffer.from(part));
  }
  return Buffer.concat(chunks);
}
