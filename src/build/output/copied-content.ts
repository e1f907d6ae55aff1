import { posix } from 'node:path';
import { background } from '../../base/context.ts';
import { matchesPath, parsePathPattern } from '../../dockerfile/path-pattern.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { CopyOperation, CopySource, Vertex } from '../definition/vertex.ts';
import type { FileTree } from '../file-tree.ts';
import { followLinks } from '../files/follow-links.ts';
import type { Roots } from './stage-trail.ts';

type InputSource = Extract<CopySource, { type: 'input' }>;

/** What was copied, as the classic builder names it in histories: "file:…", "dir:…", "multi:…", "…" from the web; empty for what is no copy. */
export async function copiedContent(
  { operation, inputs }: Vertex,
  key: Digest | undefined,
  roots: Roots,
): Promise<string> {
  if (operation.kind !== 'copy' || key === undefined) return '';
  const kind = await kindOf(operation, inputs, roots);
  return kind === '' ? hexOf(key) : `${kind}:${hexOf(key)}`;
}

async function kindOf({ sources }: CopyOperation, inputs: readonly Vertex[], roots: Roots): Promise<string> {
  const kinds: string[] = [];
  for (const source of sources) {
    if (source.type === 'input' && inputs[source.input]?.operation.kind === 'http') kinds.push('');
    else if (source.type === 'input')
      kinds.push(...(await kindsOf(source, await treeOf(source, inputs, roots))));
    else kinds.push('file');
    if (kinds.length > 1) return 'multi';
  }
  return kinds[0] ?? 'file';
}

/** Undefined for a filesystem: it is not looked into for a name in a history. */
async function treeOf(
  { input }: InputSource,
  inputs: readonly Vertex[],
  roots: Roots,
): Promise<FileTree | undefined> {
  const vertex = inputs[input];
  const result = vertex === undefined ? undefined : (await roots.solution(vertex)).result;
  return result?.kind === 'files' ? result.tree : undefined;
}

/** Of each object that a source means: wildcards in its last name count. */
async function kindsOf({ path, hasWildcards }: InputSource, tree: FileTree | undefined): Promise<string[]> {
  if (path === '/') return ['dir'];
  if (tree === undefined) return ['file'];
  const context = background();
  const directory = fromText(posix.dirname(path));
  const pattern = parsePathPattern(fromText(posix.basename(path)), false);
  const names = hasWildcards
    ? (await tree.names(context, directory)).filter((name) => matchesPath(pattern, name))
    : [fromText(posix.basename(path))];
  const kinds: string[] = [];
  for (const name of names) {
    const real = await followLinks(context, tree, posix.join(directory, name));
    const type = (await tree.stat(context, real))?.header.type;
    kinds.push(type === 'directory' ? 'dir' : 'file');
  }
  return kinds;
}
