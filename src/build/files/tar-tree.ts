import { createHash, type Hash } from 'node:crypto';
import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import { decompress } from '../../oci/compression.ts';
import { type Digest, digestOf, finishDigest } from '../../oci/digest.ts';
import type { TarEntry } from '../../oci/tar/entry.ts';
import type { LayerNode } from '../../oci/tar/layer-node.ts';
import { LayerTree } from '../../oci/tar/layer-tree.ts';
import { TarReader } from '../../oci/tar/reader.ts';
import { Pack } from './pack.ts';
import { PackedTree } from './packed-tree.ts';
import { settleTree } from './settle-tree.ts';

export interface TarTreeOptions {
  /** Where the pack lies while it is used. */
  readonly directory: string;
  /** Whether everything becomes root's, as in contexts. */
  readonly zeroOwners: boolean;
  /** Bytes of all files together, and of the archive. */
  readonly maxBytes?: number;
}

export interface TarTree {
  readonly tree: PackedTree;
  /** Directories that the archive only implies, by having something in them; absolute paths. */
  readonly implied: ReadonlySet<string>;
}

const MAX_BYTES = 2 ** 38;

/**
 * The files of an archive in any compression. What archives may say is what layers may: members apply in order, the last of a name wins,
 * nothing leads outside. Fails with `invalid-argument` on a broken or hostile archive, with `exhausted` beyond the limit.
 */
export async function openTarTree(
  context: Context,
  source: AsyncIterable<Uint8Array>,
  options: TarTreeOptions,
): Promise<TarTree> {
  const pack = Pack.temporary(options.directory);
  try {
    const builder = new TarTreeBuilder(options);
    for await (const chunk of decompress(source)) {
      context.signal.throwIfAborted();
      const written = pack.write(chunk);
      try {
        builder.feed(chunk);
      } finally {
        await written;
      }
      if (builder.ended) break;
    }
    await pack.finish();
    return builder.finish(pack);
  } catch (error) {
    pack[Symbol.dispose]();
    throw error;
  }
}

/** Follows an archive as it passes by: the tree of its members, and what each file holds. */
class TarTreeBuilder {
  readonly #reader = new TarReader();
  readonly #layer = new LayerTree();
  readonly #contents = new Map<LayerNode, Digest>();
  readonly #named = new Set<LayerNode>();
  readonly #options: TarTreeOptions;
  #bytes = 0;
  #file: LayerNode | undefined;
  #left = 0;
  #hash: Hash | undefined;

  constructor(options: TarTreeOptions) {
    this.#options = options;
  }

  get ended(): boolean {
    return this.#reader.ended;
  }

  feed(chunk: Uint8Array): void {
    for (const event of this.#reader.feed(chunk)) {
      if (event instanceof Uint8Array) this.#data(event);
      else this.#begin(event);
    }
    this.#limit(this.#reader.position);
  }

  finish(pack: Pack): TarTree {
    this.#reader.finish();
    const implied = new Set<string>();
    const { zeroOwners } = this.#options;
    const root = settleTree(this.#layer, (node, path) => {
      if (node.children !== undefined && !this.#named.has(node)) implied.add(path);
      if (zeroOwners) node.uid = node.gid = 0;
    });
    return { tree: new PackedTree(root, this.#contents, pack), implied };
  }

  #begin(entry: TarEntry): void {
    const node = this.#layer.add(entry);
    this.#file = undefined;
    if (node === undefined) return;
    if (entry.type === 'directory') this.#named.add(node);
    if (entry.type !== 'file') return;
    this.#bytes += entry.size;
    this.#limit(this.#bytes);
    this.#file = node;
    this.#left = entry.dataSize;
    // Where its runs lie is part of what a sparse file holds.
    const runs = entry.extents === undefined ? undefined : JSON.stringify([entry.size, entry.extents]);
    this.#hash = runs === undefined ? undefined : createHash('sha256').update(runs);
    if (this.#left === 0)
      this.#contents.set(node, this.#hash === undefined ? empty : finishDigest(this.#hash));
  }

  #data(bytes: Uint8Array): void {
    if (this.#file === undefined) return;
    this.#left -= bytes.length;
    if (this.#left === 0 && this.#hash === undefined) {
      this.#contents.set(this.#file, digestOf(bytes));
      return;
    }
    this.#hash ??= createHash('sha256');
    this.#hash.update(bytes);
    if (this.#left === 0) this.#contents.set(this.#file, finishDigest(this.#hash));
  }

  #limit(bytes: number): void {
    const { maxBytes = MAX_BYTES } = this.#options;
    if (bytes > maxBytes)
      throw new SampanError('exhausted', `the archive has more than the allowed ${maxBytes} bytes`);
  }
}

const empty = digestOf('');
