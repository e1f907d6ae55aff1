import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { invalid, notFound, type SampanError } from '../../base/errors.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { Tree, TreeStat } from '../../runtime/trees/contract.ts';
import type { PathStat } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { type ContainerPath, parseContainerPath } from './container-path.ts';
import { goFileMode } from './file-mode.ts';
import { openRoot } from './open-root.ts';

/** Links that are followed on the way to where one leads, as many as the kernel does. */
const MAX_LINKS = 40;

export async function statPath(
  parts: Parts,
  context: Context,
  entry: Entry,
  reference: string,
  text: string,
): Promise<PathStat> {
  const wanted = parseContainerPath(text);
  await using root = await openRoot(parts, context, entry, false);
  const stat = await find(context, root.tree, wanted);
  if (stat === undefined) throw fileNotFound(text, reference);
  return await describe(context, root.tree, wanted, stat);
}

/** What a client's path names; undefined when nothing does. Fails with `invalid-argument` "not a directory". */
export async function find(
  context: Context,
  tree: Tree,
  wanted: ContainerPath,
): Promise<TreeStat | undefined> {
  const stat = await tree.stat(context, wanted.path, wanted.demandsDirectory);
  if (stat !== undefined && wanted.demandsDirectory && stat.type !== 'directory') {
    throw invalid(`${toText(wanted.path)}: not a directory`);
  }
  return stat;
}

export function fileNotFound(path: string, reference: string): SampanError {
  return notFound(`Could not find the file ${path} in container ${reference}`);
}

export async function describe(
  context: Context,
  tree: Tree,
  wanted: ContainerPath,
  stat: TreeStat,
): Promise<PathStat> {
  const target = stat.type === 'symlink' ? await follow(context, tree, stat.path, MAX_LINKS) : '';
  return {
    name: toText(wanted.name),
    size: stat.size,
    mode: goFileMode(stat),
    mtime: new Date(stat.seconds * 1000 + stat.nanoseconds / 1e6),
    linkTarget: toText(target),
  };
}

/** Where a path leads, links resolved; as far as they can be where nothing is there. */
async function follow(context: Context, tree: Tree, path: string, links: number): Promise<string> {
  if (path === '/') return path;
  const there = await tree.stat(context, path, true);
  if (there !== undefined) return there.path;
  const directory = await follow(context, tree, posix.dirname(path), links);
  const last = posix.join(directory, posix.basename(path));
  const stat = await tree.stat(context, last, false);
  if (stat?.type !== 'symlink' || links === 0) return last;
  return follow(context, tree, posix.resolve(directory, stat.linkTarget), links - 1);
}
