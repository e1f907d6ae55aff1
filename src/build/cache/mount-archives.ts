import type { Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { packTree, unpackMembers } from '../../runtime/trees/archive.ts';
import type { Trees } from '../../runtime/trees/contract.ts';
import type { MountArchives } from '../contract.ts';
import type { CacheMounts } from '../steps/cache-mounts.ts';

/** Cache mounts as archives, to be kept elsewhere. */
export function createMountArchives(mounts: Pick<CacheMounts, 'use' | 'fill'>, trees: Trees): MountArchives {
  return {
    async export(context, name) {
      const mount = await mounts.use(context, named(name));
      try {
        const tree = await trees.open(context, { kind: 'directory', path: mount.path });
        return packTree(context, tree, async () => {
          await tree[Symbol.asyncDispose]();
          mount[Symbol.dispose]();
        });
      } catch (error) {
        mount[Symbol.dispose]();
        throw error;
      }
    },
    import: (context: Context, name, tar) =>
      mounts.fill(context, named(name), unpackMembers(tar, 'the cache mount')),
  };
}

function named(name: string): string {
  if (name === '') throw invalid('a cache mount has a name');
  return name;
}
