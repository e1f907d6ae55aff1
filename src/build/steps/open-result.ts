import type { Context } from '../../base/context.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FileTree } from '../file-tree.ts';
import { LayersTree, type LayersTreeParts } from '../files/layers-tree.ts';
import { identityOf, type LayersResult, type Result } from '../solver/result.ts';

/** The files of results, opened when they are first wanted and closed together. */
export class OpenResults implements AsyncDisposable {
  readonly #context: Context;
  readonly #parts: LayersTreeParts;
  readonly #open = new Map<Result, Promise<LayersTree>>();

  constructor(context: Context, parts: LayersTreeParts) {
    this.#context = context;
    this.#parts = parts;
  }

  async tree(result: Result): Promise<FileTree> {
    return result.kind === 'files' ? result.tree : this.#layers(result, identityOf(result));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    for (const each of opened) if (each.status === 'fulfilled') await each.value[Symbol.asyncDispose]();
  }

  #layers(result: LayersResult, identity: Digest): Promise<LayersTree> {
    const known = this.#open.get(result);
    if (known !== undefined) return known;
    const opening = this.#openLayers(result, identity);
    this.#open.set(result, opening);
    return opening;
  }

  async #openLayers(result: LayersResult, identity: Digest): Promise<LayersTree> {
    await result.bring?.();
    return await LayersTree.open(this.#context, this.#parts, result.layers, identity);
  }
}
