import type { Context } from '../../base/context.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import type { FilesystemChange } from '../contract.ts';
import type { Parts } from '../parts.ts';
import type { Entry } from '../record.ts';
import { compareTrees } from './compare-trees.ts';
import { openWritablePart } from './writable-part.ts';

/** What differs from the image, as dockerd tells it. */
export async function listChanges(
  parts: Parts,
  context: Context,
  entry: Entry,
): Promise<readonly FilesystemChange[]> {
  await using above = await openWritablePart(parts, context, entry);
  await using below = await openBelow(parts, context, entry);
  const changes = await compareTrees(context, above, below);
  return [...changes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, kind]) => ({ path: toText(path), kind }));
}

async function openBelow(parts: Parts, context: Context, entry: Entry): Promise<Tree> {
  const root = parts.paths.rootTarget;
  const { operations } = await parts.snapshots.below(context, entry.id, root);
  return await parts.trees.open(context, { kind: 'mounted', operations, root });
}
