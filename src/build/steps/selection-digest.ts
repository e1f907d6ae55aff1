import type { Context } from '../../base/context.ts';
import type { Digest } from '../../oci/digest.ts';
import { EntryHash } from '../files/entry-hash.ts';
import type { Selection } from './selection.ts';

/** Digests remembered. */
const MAX_KNOWN = 10_000;

/** What selections hold, by content; remembered, as reading a filesystem takes its time. */
export class SelectionDigests {
  readonly #known = new Map<string, Digest>();

  async digest(context: Context, selection: Selection): Promise<Digest> {
    const { tree, real, filter } = selection;
    if (real === '/' && filter === '' && selection.isDirectory && tree.headers === undefined)
      return tree.digest;
    const key = `${tree.digest}\0${real}\0${filter}`;
    const known = this.#known.get(key);
    // The last used go to the end.
    this.#known.delete(key);
    const digest = known ?? (await hash(context, selection));
    this.#known.set(key, digest);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.keys().next().value ?? '');
    return digest;
  }
}

async function hash(context: Context, { tree, real, wanted, parents }: Selection): Promise<Digest> {
  const hash = new EntryHash();
  for (const parent of parents) hash.add(parent.name, parent, undefined);
  for await (const { header, content } of tree.list(context, real)) {
    if (wanted(header.name, header.type === 'directory')) hash.add(header.name, header, content);
  }
  return hash.finish();
}
