import type { Context } from '../../base/context.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import type { Parts } from '../parts.ts';

/** What an image itself has, without the mount points that containers get besides. Opened when it is first asked. */
export class ImageFiles implements AsyncDisposable {
  readonly #open: () => Promise<Tree>;
  readonly #context: Context;
  #tree: Promise<Tree> | undefined;

  constructor(parts: Parts, context: Context, layers: readonly Digest[]) {
    this.#context = context;
    this.#open = async () => {
      const root = parts.paths.rootTarget;
      const { operations } = await parts.snapshots.view(context, layers, root);
      return await parts.trees.open(context, { kind: 'mounted', operations, root });
    };
  }

  /** By a name relative to the root. */
  async has(name: string): Promise<boolean> {
    this.#tree ??= this.#open();
    const tree = await this.#tree;
    return (await tree.stat(this.#context, `/${name}`, false)) !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tree = await this.#tree?.catch(() => undefined);
    await tree?.[Symbol.asyncDispose]();
  }
}
