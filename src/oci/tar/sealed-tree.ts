import type { LayerNode } from './layer-node.ts';
import { isMetadata } from './layer-path.ts';
import type { LayerTree } from './layer-tree.ts';

/** A layer's inodes in the order in which they are laid out, each once. */
export interface SealedTree {
  /** The root first; then, for each directory, what is in it, so that listing a directory reads one place. */
  readonly nodes: readonly LayerNode[];
  /** The directory that `nodes[index]` was first found in; the root's own is itself. */
  readonly parents: readonly LayerNode[];
}

/**
 * Ends a tree: sorts names by their bytes, drops what is metadata of AUFS, counts links. The tree must not change any more.
 */
export function sealTree(tree: LayerTree): SealedTree {
  const nodes: LayerNode[] = [];
  const parents: LayerNode[] = [];
  const visit = (node: LayerNode, parent: LayerNode): void => {
    node.links++;
    if (node.index >= 0) return;
    node.index = nodes.length;
    nodes.push(node);
    parents.push(parent);
  };
  visit(tree.root, tree.root);
  const pending = [tree.root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    directory.children = sortChildren(directory.children ?? new Map());
    // Its own ".".
    directory.links++;
    const below: LayerNode[] = [];
    for (const child of directory.children.values()) {
      visit(child, directory);
      if (child.children === undefined) continue;
      directory.links++;
      below.push(child);
    }
    for (const child of below.reverse()) pending.push(child);
  }
  return { nodes, parents };
}

/** Most archives are in order, and keep their map. */
function sortChildren(children: Map<string, LayerNode>): Map<string, LayerNode> {
  let last = '';
  let inOrder = true;
  for (const name of children.keys()) {
    if (name < last || isMetadata(name)) inOrder = false;
    last = name;
  }
  if (inOrder) return children;
  const sorted = new Map<string, LayerNode>();
  for (const name of [...children.keys()].sort()) {
    const child = children.get(name);
    if (child !== undefined && !isMetadata(name)) sorted.set(name, child);
  }
  return sorted;
}
