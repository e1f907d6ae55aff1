import { LayerNode } from '../../oci/tar/layer-node.ts';

/** A directory without a file below it, by its path ("a/b"); what is on the way there is copied. */
export function withoutNode(directory: LayerNode, path: string): LayerNode {
  const slash = path.indexOf('/');
  const name = slash < 0 ? path : path.slice(0, slash);
  const child = directory.children?.get(name);
  if (child === undefined || (slash >= 0 && child.children === undefined)) return directory;
  const children = new Map(directory.children);
  if (slash < 0) children.delete(name);
  else children.set(name, withoutNode(child, path.slice(slash + 1)));
  return Object.assign(new LayerNode(directory.mode), directory, { children });
}
