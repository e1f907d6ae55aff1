import { createHash } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { isJsonObject } from '../../base/json.ts';
import type { BuiltImage } from '../../build/contract.ts';
import type { FileTree } from '../../build/file-tree.ts';
import { hexOf } from '../../oci/digest.ts';
import type { Export } from './exports.ts';

/** What is said about a result whose files go out, as files beside them: "provenance.json". Its subjects are the files. */
export async function saidFiles(
  context: Context,
  tree: FileTree,
  { statements = [] }: BuiltImage,
  { attributes }: Export,
): Promise<ReadonlyMap<string, Uint8Array>> {
  if (statements.length === 0) return new Map();
  const subject = await subjectsIn(context, tree);
  const prefix = attributes['attestation-prefix'] ?? '';
  return new Map(
    statements.map(({ predicateType, bytes }) => {
      const statement: unknown = JSON.parse(Buffer.from(bytes).toString());
      const text = JSON.stringify({ ...(isJsonObject(statement) ? statement : {}), subject }, undefined, 2);
      return [`${prefix}${nameOf(predicateType)}`, Buffer.from(text)];
    }),
  );
}

function nameOf(predicateType: string): string {
  return predicateType.includes('/provenance/') ? 'provenance.json' : 'sbom.spdx.json';
}

async function subjectsIn(context: Context, tree: FileTree): Promise<unknown[]> {
  const subjects = [];
  for await (const { header, content } of tree.list(context, '/')) {
    if (header.type !== 'file') continue;
    const hex = content === undefined ? await hashOf(context, tree, header.name) : hexOf(content);
    subjects.push({ name: Buffer.from(header.name, 'latin1').toString(), digest: { sha256: hex } });
  }
  return subjects;
}

async function hashOf(context: Context, tree: FileTree, name: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of tree.read(context, `/${name}`, () => true)) {
    if (part instanceof Uint8Array) hash.update(part);
  }
  return hash.digest('hex');
}
