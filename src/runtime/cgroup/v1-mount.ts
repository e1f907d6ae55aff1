import type { SpecMount } from '../../oci/runtime-spec.ts';
import { MOUNT_ATTR_RDONLY } from '../../plan/constants.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import { parseMountOptions } from '../mount-options.ts';
import type { CgroupMount, CgroupView } from './contract.ts';
import type { Hierarchy } from './layout.ts';

/**
 * A tmpfs with a directory for each hierarchy, showing the container's group as its root, and links for controllers that share one ("cpu" to
 * "cpu,cpuacct"). The tmpfs gets read-only when all is in place.
 */
export function mountHierarchies(
  hierarchies: readonly Hierarchy[],
  group: string,
  mount: SpecMount,
  view: CgroupView,
): CgroupMount {
  const { set, propagation } = parseMountOptions(mount.options);
  const { destination } = mount;
  const readOnly = set & MOUNT_ATTR_RDONLY;
  const directory: Operation = {
    op: 'mount',
    root: view.root,
    path: destination,
    fstype: 'tmpfs',
    source: 'tmpfs',
    attributes: set & ~MOUNT_ATTR_RDONLY,
    options: ['mode=755'],
    propagation,
    create: 1,
  };
  const shown = hierarchies.map((hierarchy) =>
    view.ownNamespace
      ? mountFresh(hierarchy, destination, set, view.root)
      : bindGroup(hierarchy, group, destination, set, view.root),
  );
  const links = hierarchies.flatMap((hierarchy) => linksTo(hierarchy, destination, view.root));
  const lock: Operation = {
    op: 'setAttributes',
    root: view.root,
    path: destination,
    set: MOUNT_ATTR_RDONLY,
    clear: 0,
    propagation: 0,
    recursive: 0,
  };
  return { steps: [directory, ...shown, ...links], final: readOnly === 0 ? [] : [lock] };
}

function bindGroup(
  { mountpoint, name }: Hierarchy,
  group: string,
  destination: string,
  set: number,
  root: number,
): Operation {
  return {
    op: 'bind',
    sourceDir: HOST,
    sourcePath: `${mountpoint}${group}`,
    root,
    path: `${destination}/${name}`,
    create: 1,
    recursive: 0,
    set,
    clear: 0,
    recursiveAttributes: 0,
    propagation: 0,
  };
}

/** In a cgroup namespace a fresh mount of a hierarchy has the namespace's root for its own. */
function mountFresh(
  { controllers, name }: Hierarchy,
  destination: string,
  set: number,
  root: number,
): Operation {
  const named = controllers.every((controller) => controller.startsWith('name='));
  return {
    op: 'mount',
    root,
    path: `${destination}/${name}`,
    fstype: 'cgroup',
    source: 'cgroup',
    attributes: set,
    options: named ? ['none', ...controllers] : controllers,
    propagation: 0,
    create: 1,
  };
}

function linksTo({ controllers, name }: Hierarchy, destination: string, root: number): Operation[] {
  if (controllers.length < 2) return [];
  return controllers
    .filter((controller) => controller !== name && !controller.startsWith('name='))
    .map((controller) => ({ op: 'symlink', root, path: `${destination}/${controller}`, target: name }));
}
