import type { Context } from '../../base/context.ts';
import { type IgnoreRules, ignoreRules } from '../../dockerfile/ignore-file.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { CopySource } from '../definition/vertex.ts';
import type { FileTree, Wanted } from '../file-tree.ts';
import { type FoundPath, resolvePath, resolvePattern } from '../files/resolve-paths.ts';
import { selectParents } from './select-parents.ts';

export type InputSource = Extract<CopySource, { type: 'input' }>;

/** What a copy takes of a tree: one object with what is wanted below it. */
export interface Selection {
  readonly tree: FileTree;
  /** Where it is. */
  readonly real: string;
  /** What a copy of it in a directory is called. Byte string. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly isFile: boolean;
  /** By names relative to it; "." is the object itself. */
  readonly wanted: Wanted;
  /** Whether everything is wanted. */
  readonly isWhole: boolean;
  /** With `--parents`: where it comes below the destination ("a/b"), else empty. */
  readonly under: string;
  /** The directories on the way there, by those names, first "a". */
  readonly parents: readonly TarHeader[];
}

/** A source that is not there. */
export class MissingSource extends Error {
  override readonly name = 'MissingSource';
  readonly path: string;

  constructor(path: string) {
    super(`${JSON.stringify(path)}: not found`);
    this.path = path;
  }
}

/** What a source means in its tree, sorted. Fails with MissingSource. */
export async function selectInTree(
  context: Context,
  tree: FileTree,
  source: InputSource,
  keepsParents: boolean,
): Promise<readonly Selection[]> {
  if (keepsParents) return selectParents(context, tree, source);
  const rules = source.excludes.length === 0 ? undefined : ignoreRules(source.excludes);
  const found = source.hasWildcards
    ? await resolvePattern(context, tree, source.path)
    : [await resolvePath(context, tree, source.path)];
  const selections = await Promise.all(found.map((path) => selectPath(context, tree, path, rules)));
  const missing = selections.indexOf(undefined);
  if (missing >= 0)
    throw new MissingSource(source.hasWildcards ? toText(found[missing]?.real ?? '') : source.path);
  return selections
    .filter((selection) => selection !== undefined)
    .filter(({ wanted, isDirectory }) => wanted('.', isDirectory));
}

async function selectPath(
  context: Context,
  tree: FileTree,
  { path, real }: FoundPath,
  rules: IgnoreRules | undefined,
): Promise<Selection | undefined> {
  const entry = await tree.stat(context, real);
  if (entry === undefined) return undefined;
  const { type } = entry.header;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isDirectory = type === 'directory';
  const wanted = wantedBy(rules, isDirectory ? undefined : toText(name));
  const isWhole = rules === undefined;
  return { tree, real, name, isDirectory, isFile: type === 'file', wanted, isWhole, under: '', parents: [] };
}

/**
 * Names relative to a directory, or `own`, what the one file is called. A directory that is left out stays when something below it may be in
 * again.
 */
function wantedBy(rules: IgnoreRules | undefined, own: string | undefined): Wanted {
  if (rules === undefined) return () => true;
  return (name, isDirectory) => {
    if (name === '.') return own === undefined || !rules.ignores(own);
    const path = toText(name);
    return !rules.ignores(path) || (isDirectory && rules.hasExceptionsBelow(path));
  };
}
