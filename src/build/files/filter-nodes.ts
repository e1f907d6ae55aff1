import type { IgnoreRules } from '../../dockerfile/ignore-file.ts';
import { toText } from '../../oci/tar/entry.ts';
import { LayerNode } from '../../oci/tar/layer-node.ts';

/** A copy of a directory without what the rules leave out; a directory that is left out stays when something below it does. */
export function filterNodes(root: LayerNode, rules: IgnoreRules): LayerNode {
  return filterDirectory(root, '', rules);
}

function filterDirectory(directory: LayerNode, prefix: string, rules: IgnoreRules): LayerNode {
  const children = new Map<string, LayerNode>();
  for (const [name, child] of directory.children ?? []) {
    const path = prefix + name;
    const ignored = rules.ignores(toText(path));
    if (child.children === undefined) {
      if (!ignored) children.set(name, child);
    } else if (!ignored || rules.hasExceptionsBelow(toText(path))) {
      const kept = filterDirectory(child, `${path}/`, rules);
      if (!ignored || (kept.children?.size ?? 0) > 0) children.set(name, kept);
    }
  }
  return withChildren(directory, children);
}

function withChildren(directory: LayerNode, children: Map<string, LayerNode>): LayerNode {
  return Object.assign(new LayerNode(directory.mode), directory, { children });
}
