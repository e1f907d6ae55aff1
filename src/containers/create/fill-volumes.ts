import { internal } from '../../base/errors.ts';
import type { Tree, TreePart } from '../../runtime/trees/contract.ts';
import { COPIED_XATTRS } from '../files/tree-parts.ts';
import type { StoredMount } from '../mounts/stored-mount.ts';
import type { Parts } from '../parts.ts';

/**
 * Gives each volume that is still empty what the new container `id` has at its mount point: contents, owners, modes, and those of the
 * directory itself. The mount points that every container has are among it.
 */
export async function fillVolumes(parts: Parts, id: string, mounts: readonly StoredMount[]): Promise<void> {
  const wanted = mounts.filter(({ copiesUp }) => copiesUp);
  if (wanted.length === 0) return;
  await using root = new NewRoot(parts, id);
  // One volume may be mounted in several places.
  for (const { point, subpath } of wanted) {
    const { name = '', destination } = point;
    await parts.volumes.populate(parts.background, name, subpath, () => root.below(destination));
  }
}

/** The root of a container that has not run yet. Opened when it is first asked. */
class NewRoot implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #id: string;
  #tree: Promise<Tree> | undefined;

  constructor(parts: Parts, id: string) {
    this.#parts = parts;
    this.#id = id;
  }

  /**
   * The directory at a path, links on the way resolved within the root, with all below it; undefined when nothing is there. Fails in
   * Docker's words when it is no directory.
   */
  async below(path: string): Promise<AsyncIterable<TreePart> | undefined> {
    const { background } = this.#parts;
    this.#tree ??= this.#open();
    const tree = await this.#tree;
    const stat = await tree.stat(background, path, true);
    if (stat === undefined) return undefined;
    if (stat.type !== 'directory') {
      throw internal(`cannot mount volume over existing file, file exists ${path}`);
    }
    return tree.read(background, stat.path, { data: true, xattrs: COPIED_XATTRS, crossMounts: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const tree = await this.#tree?.catch(() => undefined);
    await tree?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<Tree> {
    const { background, paths, snapshots, trees } = this.#parts;
    const root = paths.rootTarget;
    const { operations } = await snapshots.below(background, this.#id, root);
    return await trees.open(background, { kind: 'mounted', operations, root });
  }
}
