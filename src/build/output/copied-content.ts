import { background } from '../../base/context.ts';
import { type Digest, hexOf } from '../../oci/digest.ts';
import type { CopyOperation, Vertex } from '../definition/vertex.ts';
import type { Roots } from './stage-trail.ts';

/** What a copy brought, as the classic builder names it in histories: "file:…", "dir:…" or "multi:…"; empty for what is no copy. */
export async function copiedContent(
  { operation, inputs }: Vertex,
  key: Digest | undefined,
  roots: Roots,
): Promise<string> {
  if (operation.kind !== 'copy' || key === undefined) return '';
  return `${await kindOf(operation, inputs, roots)}:${hexOf(key)}`;
}

async function kindOf({ sources }: CopyOperation, inputs: readonly Vertex[], roots: Roots): Promise<string> {
  const [only, ...more] = sources;
  if (more.length > 0) return 'multi';
  if (only?.type !== 'input' || only.hasWildcards) return 'file';
  if (only.path === '/') return 'dir';
  const input = inputs[only.input];
  const result = input === undefined ? undefined : (await roots.solution(input)).result;
  if (result?.kind !== 'files') return 'file';
  const path = Buffer.from(only.path).toString('latin1');
  const found = await result.tree.stat(background(), path);
  return found?.header.type === 'directory' ? 'dir' : 'file';
}
