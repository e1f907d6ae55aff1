import type { Context } from '../../base/context.ts';
import { notFound } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { toText } from '../../oci/tar/entry.ts';
import type { FileData, LayerNode } from '../../oci/tar/layer-node.ts';
import type { TreePart } from '../../runtime/trees/contract.ts';
import type { FileEntry, FileTree, Wanted } from '../file-tree.ts';
import { headerOf, walkNodes } from './node-header.ts';
import type { Pack, PackReader } from './pack.ts';
import { TreeHash } from './tree-hash.ts';
import { withoutNode } from './without-node.ts';

/** What files hold, by their nodes. */
export type Contents = ReadonlyMap<LayerNode, Digest>;

/** Holes are read from it. */
const zeros: Uint8Array = new Uint8Array(256 << 10);

/** Files known by an index in memory, their bytes in a pack. Disposing gives up the pack, which trees that were made of this one share. */
export class PackedTree implements FileTree, Disposable {
  readonly #root: LayerNode;
  readonly #contents: Contents;
  readonly #pack: Pack;
  #digest: Digest | undefined;

  /** Names below `root` are in order. */
  constructor(root: LayerNode, contents: Contents, pack: Pack) {
    this.#root = root;
    this.#contents = contents;
    this.#pack = pack;
  }

  get digest(): Digest {
    this.#digest ??= this.#hash(this.#root);
    return this.#digest;
  }

  digestAt(path: string): Digest | undefined {
    const node = this.#find(path);
    return node === undefined ? undefined : this.#hash(node);
  }

  withoutFiles(paths: readonly string[]): PackedTree {
    return new PackedTree(paths.reduce(withoutNode, this.#root), this.#contents, this.#pack);
  }

  /** The tree of what is below a directory; undefined where none is. Links are not followed. */
  below(path: string): PackedTree | undefined {
    const node = this.#find(path);
    return node?.children === undefined ? undefined : new PackedTree(node, this.#contents, this.#pack);
  }

  async stat(_context: Context, path: string): Promise<FileEntry | undefined> {
    const node = this.#find(path);
    return node === undefined ? undefined : this.#entry('.', node);
  }

  async names(_context: Context, path: string): Promise<readonly string[]> {
    return [...(this.#find(path)?.children?.keys() ?? [])];
  }

  async *list(_context: Context, path: string): AsyncGenerator<FileEntry, void, void> {
    for (const [name, node] of walkNodes(this.#require(path))) yield this.#entry(name, node);
  }

  async *read(context: Context, path: string, wanted: Wanted): AsyncGenerator<TreePart, void, void> {
    const reader = this.#pack.reader();
    const linked = new Map<LayerNode, string>();
    for (const [name, node] of walkNodes(this.#require(path))) {
      if (!wanted(name, node.children !== undefined)) continue;
      const first = linked.get(node);
      if (first !== undefined) {
        yield { ...headerOf(node, name), type: 'hardlink', linkName: first, size: 0 };
        continue;
      }
      if (node.links > 1 && node.children === undefined) linked.set(node, name);
      yield headerOf(node, name);
      const { data } = node;
      if (data === undefined || data.size === 0) continue;
      if (data.extents !== undefined) {
        yield* sparse(reader, data);
        continue;
      }
      for (let at = 0; at < data.size; ) {
        const found = reader.read(data.offset + at, data.size - at);
        const bytes = found instanceof Promise ? await found : found;
        context.signal.throwIfAborted();
        at += bytes.length;
        yield bytes;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#pack[Symbol.dispose]();
  }

  #entry(name: string, node: LayerNode): FileEntry {
    return { header: headerOf(node, name), content: this.#contents.get(node) };
  }

  #require(path: string): LayerNode {
    const node = this.#find(path);
    if (node === undefined) throw notFound(`${JSON.stringify(toText(path))}: not found`);
    return node;
  }

  #find(path: string): LayerNode | undefined {
    let node: LayerNode | undefined = this.#root;
    for (const name of path.split('/')) if (name !== '') node = node?.children?.get(name);
    return node;
  }

  #hash(top: LayerNode): Digest {
    const hash = new TreeHash();
    for (const [name, node] of walkNodes(top)) hash.add(name, headerOf(node, name), this.#contents.get(node));
    return hash.finish();
  }
}

/** Data runs, stored end to end, with the holes between them. */
async function* sparse(reader: PackReader, data: FileData): AsyncGenerator<Uint8Array, void, void> {
  let at = 0;
  let stored = data.offset;
  for (const extent of [...(data.extents ?? []), { offset: data.size, length: 0 }]) {
    for (; at < extent.offset; at += Math.min(zeros.length, extent.offset - at)) {
      yield zeros.subarray(0, Math.min(zeros.length, extent.offset - at));
    }
    for (const end = extent.offset + extent.length; at < end; ) {
      const bytes = await reader.read(stored, end - at);
      yield bytes;
      at += bytes.length;
      stored += bytes.length;
    }
  }
}
