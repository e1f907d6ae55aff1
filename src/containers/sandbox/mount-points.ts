import { posix } from 'node:path';
import type { Context } from '../../base/context.ts';
import { isCode } from '../../base/errors.ts';
import { fromText } from '../../oci/tar/entry.ts';
import type { Tree, TreeStat } from '../../runtime/trees/contract.ts';
import type { SandboxRequest } from './contract.ts';

/** Which places in a sandbox's root were made only for something to be mounted on. Paths are byte strings, absolute. */
export class MountPoints {
  /** Files of /etc that every run has may be links to where nothing is. */
  readonly #targets = new Set(['/etc/hosts', '/etc/hostname', '/etc/resolv.conf']);
  /** What was there before the run that mounted on it. */
  readonly #kept = new Set<string>();

  /**
   * Takes note of a run's. `root` is looked at for what was there before; undefined when nothing of it can have come about in the sandbox.
   */
  async add(context: Context, request: SandboxRequest, root: Tree | undefined): Promise<void> {
    const targets = [...request.mounts.map(({ target }) => target), ...request.files.map(({ path }) => path)];
    const paths = targets.map((target) => posix.resolve('/', fromText(target)));
    if (root !== undefined) await this.#keep(context, root, paths);
    for (const path of paths) this.#targets.add(path);
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

  /** What is there already is kept, unless it was made to mount on as well. */
  async #keep(context: Context, root: Tree, targets: readonly string[]): Promise<void> {
    const earlier = new Set<string>();
    for (const target of this.#targets) {
      const { there } = await resolve(context, root, target);
      for (let path = there; path !== '/'; path = posix.dirname(path)) earlier.add(path);
    }
    for (const target of targets) {
      const { there } = await resolve(context, root, target);
      for (let path = there; path !== '/' && !earlier.has(path); path = posix.dirname(path)) {
        this.#kept.add(path);
      }
    }
  }
}

/** As many as the launcher follows. */
const MAX_LINKS = 40;

/** As much of a path as there is, and the names that there are not. Links are followed, those that lead nowhere too: mount points are made there. */
async function resolve(
  context: Context,
  tree: Tree,
  path: string,
): Promise<{ readonly there: string; readonly missing: readonly string[] }> {
  const pending = path.split('/').reverse();
  const trail: string[] = [];
  let found = 0;
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '..') trail.pop();
    else if (name !== '' && name !== '.') trail.push(name);
    if (trail.length <= found) {
      found = trail.length;
      continue;
    }
    // Below what is missing everything is.
    if (trail.length > found + 1) continue;
    const stat = await statIfAny(context, tree, `/${trail.join('/')}`);
    if (stat?.type === 'symlink' && ++links <= MAX_LINKS) {
      trail.length = stat.linkTarget.startsWith('/') ? 0 : found;
      found = trail.length;
      pending.push(...stat.linkTarget.split('/').reverse());
    } else if (stat !== undefined) found = trail.length;
  }
  return { there: `/${trail.slice(0, found).join('/')}`, missing: trail.slice(found) };
}

/** What is at a path, itself if it is a link. The way there may lead through what is no directory, or through links in a circle: then nothing is. */
export async function statIfAny(context: Context, tree: Tree, path: string): Promise<TreeStat | undefined> {
  try {
    return await tree.stat(context, path, false);
  } catch (error) {
    if (isCode(error, 'invalid-argument')) return undefined;
    throw error;
  }
}
