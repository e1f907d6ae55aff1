import type { Context } from '../base/context.ts';
import type { Tree, TreePart, Trees } from '../runtime/trees/contract.ts';

/** What is copied besides the contents: capabilities and what users set themselves. */
const XATTRS: readonly string[] = ['security.capability', 'user.'];

/** All that is in a tree, but for what is mounted below it; "." is its root. */
export function readAll(context: Context, tree: Tree): AsyncIterable<TreePart> {
  return tree.read(context, '/', { data: true, xattrs: XATTRS, crossMounts: false });
}

/** Copies a directory's content, owner, mode and times into another, which is empty. */
export async function copyTree(context: Context, trees: Trees, from: string, to: string): Promise<void> {
  await using source = await trees.open(context, { kind: 'directory', path: from });
  await using target = await trees.open(context, { kind: 'directory', path: to });
  await target.write(context, '/', readAll(context, source), { keepKinds: false });
}
