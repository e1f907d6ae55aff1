import type { Context } from '../../base/context.ts';
import { ignoreRules } from '../../dockerfile/ignore-file.ts';
import {
  hasWildcards,
  matchesPath,
  type PathPattern,
  parsePathPattern,
} from '../../dockerfile/path-pattern.ts';
import { fromText, toText } from '../../oci/tar/entry.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { FileTree } from '../file-tree.ts';
import { followLinks } from '../files/follow-links.ts';
import { headersOf } from '../files/headers-of.ts';
import { type InputSource, MissingSource, type Selection } from './selection.ts';

/**
 * What a source of `COPY --parents` means: what matches below the pivot (the root without one), `**` over directories, with all directories
 * on the way. Links on the way are not followed. Fails with MissingSource.
 */
export async function selectParents(
  context: Context,
  tree: FileTree,
  source: InputSource,
): Promise<readonly Selection[]> {
  const base = await followLinks(context, tree, fromText(source.pivot || '/'));
  const segments = source.path
    .slice(source.pivot.length)
    .split('/')
    .filter((segment) => segment !== '');
  const firstWild = segments.findIndex(hasWildcards);
  const plain = segments.slice(0, firstWild < 0 ? segments.length : firstWild).map(fromText);
  const under = plain.join('/');
  const real = joined(base, under) || '/';
  const entry = await tree.stat(context, real);
  if (entry === undefined) {
    if (source.required) throw new MissingSource(source.path);
    return [];
  }
  const rules = ignoreRules(source.excludes);
  const isIncluded = (name: string): boolean =>
    !rules.ignores(toText(joined(under, name).replace(/^\//, '')));
  const { type } = entry.header;
  const selection = {
    ...{ tree, real, under, isDirectory: type === 'directory', isFile: type === 'file' },
    name: plain.at(-1) ?? '',
    isWhole: false,
    parents: await parentsOf(context, tree, base, plain),
  };
  if (firstWild < 0) return [{ ...selection, wanted: (name) => name === '.' || isIncluded(name) }];
  const pattern = parsePathPattern(segments.slice(firstWild).join('/'), true);
  const names = await matchingNames(context, tree, real, pattern, isIncluded);
  return names.size === 0 ? [] : [{ ...selection, wanted: (name) => names.has(name) }];
}

function joined(directory: string, name: string): string {
  if (name === '' || name === '.') return directory;
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

async function parentsOf(
  context: Context,
  tree: FileTree,
  base: string,
  names: readonly string[],
): Promise<readonly TarHeader[]> {
  const parents: TarHeader[] = [];
  for (let count = 1; count < names.length; count++) {
    const name = names.slice(0, count).join('/');
    const entry = await tree.stat(context, joined(base, name));
    if (entry !== undefined) parents.push({ ...entry.header, name });
  }
  return parents;
}

/** The names below a directory that match, what is below them, and the directories on the way to them. */
async function matchingNames(
  context: Context,
  tree: FileTree,
  directory: string,
  pattern: PathPattern,
  isIncluded: (name: string) => boolean,
): Promise<ReadonlySet<string>> {
  const matched = new Set<string>();
  const wanted = new Set<string>();
  for await (const { name } of headersOf(context, tree, directory)) {
    if (name === '.') continue;
    const above = name.slice(0, Math.max(0, name.lastIndexOf('/')));
    if (!matched.has(above) && !matchesPath(pattern, toText(name))) continue;
    matched.add(name);
    if (!isIncluded(name)) continue;
    wanted.add('.').add(name);
    for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) wanted.add(name.slice(0, at));
  }
  return wanted;
}
