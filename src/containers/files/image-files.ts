import type { Context } from '../../base/context.ts';
import { internal } from '../../base/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Tree, TreePart } from '../../runtime/trees/contract.ts';
import type { Parts } from '../parts.ts';
import { COPIED_XATTRS } from './tree-parts.ts';

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
    const tree = await this.#opened();
    return (await tree.stat(this.#context, `/${name}`, false)) !== undefined;
  }

  /**
   * The directory at a path, links on the way resolved within the image, with all below it; undefined when nothing is there. Fails in
   * Docker's words when it is no directory.
   */
  async below(path: string): Promise<AsyncIterable<TreePart> | undefined> {
    const tree = await this.#opened();
    const stat = await tree.stat(this.#context, path, true);
    if (stat === undefined) return undefined;
    if (stat.type !== 'directory')
      throw internal(`cannot mount volume over existing file, file exists ${path}`);
    return tree.read(this.#context, stat.path, { data: true, xattrs: COPIED_XATTRS, crossMounts: false });
  }

  #opened(): Promise<Tree> {
    this.#tree ??= this.#open();
    return this.#tree;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tree = await this.#tree?.catch(() => undefined);
    await tree?.[Symbol.asyncDispose]();
  }
}
