import type { Context } from '../../base/context.ts';
import type { Tree, TreeStat } from '../../runtime/trees/contract.ts';
import { isHeader } from './tree-parts.ts';

/** What comparisons need to know of what is below a writable part. */
export type Below = Omit<TreeStat, 'path' | 'readOnly'>;

/** So many questions take as long as reading the names of a large image. */
const MAX_QUESTIONS = 1_000;

/** What is below at places that are named relative to the root, by their names. */
export async function findBelow(
  context: Context,
  below: Tree,
  names: readonly string[],
): Promise<ReadonlyMap<string, Below>> {
  const found = new Map<string, Below>();
  const left = names.length > MAX_QUESTIONS ? await readAll(context, below, new Set(names), found) : names;
  const stats = await Promise.all(left.map((name) => below.stat(context, `/${name}`, false)));
  for (const [index, name] of left.entries()) {
    const stat = stats[index];
    if (stat !== undefined) found.set(name, stat);
  }
  return found;
}

/** Finds all names in one go, but for further names of files that have several: those are returned. */
async function readAll(
  context: Context,
  below: Tree,
  names: ReadonlySet<string>,
  found: Map<string, Below>,
): Promise<string[]> {
  const links: string[] = [];
  for await (const part of below.read(context, '/', { data: false, xattrs: [], crossMounts: false })) {
    if (!isHeader(part) || !names.has(part.name)) continue;
    const {
      name,
      type,
      mode = 0,
      uid = 0,
      gid = 0,
      size = 0,
      seconds = 0,
      nanoseconds = 0,
      linkName = '',
    } = part;
    if (type === 'hardlink') links.push(name);
    else if (type !== 'note')
      found.set(name, { type, mode, uid, gid, size, seconds, nanoseconds, linkTarget: linkName });
  }
  return links;
}
