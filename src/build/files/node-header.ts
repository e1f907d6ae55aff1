import type { EntryType } from '../../oci/tar/entry.ts';
import { type LayerNode, modeType } from '../../oci/tar/layer-node.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';

const types: ReadonlyMap<number, EntryType> = new Map<number, EntryType>([
  [modeType.file, 'file'],
  [modeType.directory, 'directory'],
  [modeType.symlink, 'symlink'],
  [modeType.character, 'character'],
  [modeType.block, 'block'],
  [modeType.fifo, 'fifo'],
]);

export function headerOf(node: LayerNode, name: string): TarHeader {
  const { uid, gid, seconds, nanoseconds, major, minor, xattrs } = node;
  const type = types.get(node.type) ?? 'note';
  const mode = node.mode & 0o7777;
  const size = node.data?.size ?? 0;
  return {
    type,
    name,
    mode,
    uid,
    gid,
    size,
    seconds,
    nanoseconds,
    linkName: node.target,
    major,
    minor,
    xattrs,
  };
}

/** A node and all below it, parents first, names in the order of the maps; "." is the node itself. */
export function* walkNodes(top: LayerNode): Generator<readonly [string, LayerNode], void, void> {
  yield ['.', top];
  if (top.children === undefined) return;
  const open = [{ prefix: '', children: top.children.entries() }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const next = level.children.next();
    if (next.done) {
      open.pop();
      continue;
    }
    const [name, node] = next.value;
    const path = level.prefix + name;
    yield [path, node];
    if (node.children !== undefined) open.push({ prefix: `${path}/`, children: node.children.entries() });
  }
}
