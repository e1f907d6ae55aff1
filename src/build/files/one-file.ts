import type { Digest } from '../../oci/digest.ts';
import { LayerNode, modeType, newDirectory } from '../../oci/tar/layer-node.ts';
import type { Pack } from './pack.ts';
import { PackedTree } from './packed-tree.ts';

/** A tree of one file, root's with mode 0600 as Docker makes downloads: all of a pack. `name`: a byte string without "/". */
export function oneFileTree(pack: Pack, name: string, content: Digest, seconds: number): PackedTree {
  const file = new LayerNode(modeType.file | 0o600);
  file.seconds = seconds;
  file.links = 1;
  file.data = { size: pack.size, offset: 0, extents: undefined };
  const root = newDirectory();
  root.children = new Map([[name, file]]);
  return new PackedTree(root, new Map([[file, content]]), pack);
}
