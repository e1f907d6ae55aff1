import type { Context } from '../../base/context.ts';
import { packTar } from '../../oci/tar/pack.ts';
import { asMembers } from '../../runtime/trees/archive.ts';
import type { Pack } from '../files/pack.ts';
import type { PackedTree } from '../files/packed-tree.ts';
import { openTarTree } from '../files/tar-tree.ts';
import type { KeptSources, NewSource } from './kept-sources.ts';

/** Trees whose index stays in memory. */
const MAX_OPEN = 8;
const CHUNK = 1 << 20;

/** Trees of files that are kept as archives. The last ones are open: their archives need not be read again. */
export class KeptTrees {
  readonly #kept: KeptSources;
  readonly #open = new Map<string, PackedTree>();

  constructor(kept: KeptSources) {
    this.#kept = kept;
  }

  /** `directory`: where the files lie while they are used. */
  async get(context: Context, id: string, directory: string): Promise<PackedTree | undefined> {
    const source = this.#kept.take(id);
    const open = this.#open.get(id);
    if (source === undefined) {
      this.#open.delete(id);
      return undefined;
    }
    using pack = source.pack;
    const tree = open ?? (await openTarTree(context, bytesOf(pack), { directory, zeroOwners: true })).tree;
    this.#remember(id, tree);
    return tree;
  }

  async add(context: Context, source: NewSource, tree: PackedTree): Promise<void> {
    using pending = this.#kept.begin();
    using pack = pending.pack;
    const parts = tree.read(context, '/', () => true);
    for await (const chunk of packTar(asMembers(parts))) await pack.write(chunk);
    await pack.finish();
    await pending.keep(source);
    this.#remember(source.id, tree);
  }

  #remember(id: string, tree: PackedTree): void {
    this.#open.delete(id);
    this.#open.set(id, tree);
    // Its pack goes when the last tree of it does.
    if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value ?? '');
  }
}

async function* bytesOf(pack: Pack): AsyncGenerator<Uint8Array, void, void> {
  const reader = pack.reader();
  for (let at = 0; at < pack.size; ) {
    // Parts of the archive are looked at later than others are read.
    const bytes = Uint8Array.from(await reader.read(at, Math.min(CHUNK, pack.size - at)));
    at += bytes.length;
    yield bytes;
  }
}
