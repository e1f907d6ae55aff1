import type { LayerNode } from '../../oci/tar/layer-node.ts';
import type { LayerTree } from '../../oci/tar/layer-tree.ts';
import { sealTree } from '../../oci/tar/sealed-tree.ts';

/** Puts a tree's names in order, and takes out what only a layer has. `visit` is told of every node, directories before what is in them. */
export function settleTree(layer: LayerTree, visit: (node: LayerNode, path: string) => void): LayerNode {
  sealTree(layer);
  visit(layer.root, '/');
  settle(layer.root, '', visit);
  return layer.root;
}

function settle(directory: LayerNode, path: string, visit: (node: LayerNode, path: string) => void): void {
  for (const [name, child] of directory.children ?? []) {
    if (child.whiteout) {
      directory.children?.delete(name);
      continue;
    }
    const own = `${path}/${name}`;
    visit(child, own);
    if (child.children !== undefined) settle(child, own, visit);
  }
}
