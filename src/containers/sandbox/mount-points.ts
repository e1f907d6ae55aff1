import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { Tree } from '../../runtime/trees/contract.ts';
import type { SandboxRequest } from './contract.ts';

/** Which places in a sandbox's root were made only for something to be mounted on. Paths are byte strings, absolute. */
export class MountPoints {
  readonly #targets = new Set<string>();
  /** What was there before the run that mounted on it. */
  readonly #kept = new Set<string>();

  get isEmpty(): boolean {
    return this.#targets.size === 0;
  }

  /**
   * Takes note of a run's. `root` is looked at for what was there before; undefined when nothing of it can have come about in the sandbox.
   */
  async add(context: Context, request: SandboxRequest, root: Tree | undefined): Promise<void> {
    for (const { target } of [...request.mounts, ...request.files.map(({ path }) => ({ target: path }))]) {
      const path = posix.resolve('/', fromText(target));
      if (root !== undefined) await this.#keep(context, root, path);
      this.#targets.add(path);
    }
  }

  /** Those that the layers below do not have, and the directories above them that had to be made. */
  async made(context: Context, below: Tree): Promise<ReadonlySet<string>> {
    const made = new Set<string>();
    for (const target of this.#targets) {
      const { there, missing } = await resolve(context, below, target);
      let path = there;
      for (const name of missing) {
        path = posix.join(path, name);
        if (!this.#kept.has(path)) made.add(path);
      }
    }
    return made;
  }

  async #keep(context: Context, root: Tree, target: string): Promise<void> {
    const { there } = await resolve(context, root, target);
    for (let path = there; path !== '/'; path = posix.dirname(path)) this.#kept.add(path);
  }
}

/** As much of a path as there is, links resolved, and the names that there are not. */
async function resolve(
  context: Context,
  tree: Tree,
  path: string,
): Promise<{ readonly there: string; readonly missing: readonly string[] }> {
  const names = path.split('/').filter(Boolean);
  for (let count = names.length; count > 0; count--) {
    const stat = await tree.stat(context, `/${names.slice(0, count).join('/')}`, true);
    if (stat !== undefined) return { there: stat.path, missing: names.slice(count) };
  }
  return { there: '/', missing: names };
}
