import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { hasWildcards, matchesPath, parsePathPattern } from '../../dockerfile/path-pattern.ts';
import { fromText, toText } from '../../oci/tar/entry.ts';
import type { FileTree } from '../file-tree.ts';
import { followLinks } from './follow-links.ts';

/** Paths that a pattern may mean. */
const MAX_PATHS = 100_000;

/** A path that a source means. */
export interface FoundPath {
  /** As it was asked for: its last name is what a copy is called. Byte string. */
  readonly path: string;
  /** Where that is, links followed. */
  readonly real: string;
}

/** The one path, whether something is there or not. */
export async function resolvePath(context: Context, tree: FileTree, path: string): Promise<FoundPath> {
  const bytes = fromText(path);
  return { path: bytes, real: await followLinks(context, tree, bytes) };
}

/** The paths that match a pattern (Go's `filepath.Glob`: each name on its own, no `**`), sorted: links too, wherever they lead. */
export async function resolvePattern(
  context: Context,
  tree: FileTree,
  pattern: string,
): Promise<readonly FoundPath[]> {
  let found: string[] = [''];
  for (const segment of pattern.split('/')) {
    if (segment === '') continue;
    const next: string[] = [];
    for (const path of found) {
      for (const name of await namesFor(context, tree, path, segment)) next.push(`${path}/${name}`);
    }
    if (next.length > MAX_PATHS)
      throw invalid(`${JSON.stringify(pattern)} means more than ${MAX_PATHS} paths`);
    found = next;
  }
  const matches = await Promise.all(found.map((path) => match(context, tree, path)));
  return matches.filter((path) => path !== undefined);
}

/** Names after the last wildcard may be missing. */
async function match(context: Context, tree: FileTree, path: string): Promise<FoundPath | undefined> {
  const slash = path.lastIndexOf('/');
  const directory = await followLinks(context, tree, path.slice(0, slash) || '/');
  const itself = await tree.stat(context, `${directory === '/' ? '' : directory}${path.slice(slash)}`);
  return itself === undefined ? undefined : { path, real: await followLinks(context, tree, path) };
}

async function namesFor(
  context: Context,
  tree: FileTree,
  directory: string,
  segment: string,
): Promise<readonly string[]> {
  if (!hasWildcards(segment)) return [fromText(segment)];
  const pattern = parsePathPattern(segment, false);
  const names = await tree.names(
    context,
    await followLinks(context, tree, directory === '' ? '/' : directory),
  );
  return names.filter((name) => matchesPath(pattern, toText(name)));
}
