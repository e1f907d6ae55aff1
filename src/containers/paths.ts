import { join } from 'node:path';

/** Where the files of containers are. */
export interface Paths {
  /** Holds one directory per container. */
  readonly containers: string;
  /**
   * Where each container's root is put together. One place for all: it is mounted in the container's own mount namespace,
   * where no other container's mount shows.
   */
  readonly rootTarget: string;
  /** Where views of images are laid out that a container mounts, in its own mount namespace as well. */
  readonly imageViews: string;
  directory(id: string): string;
  log(id: string): string;
  /** /dev/shm of a container that shares it. */
  sharedMemory(id: string): string;
  /** Holds one directory per sandbox, and what a sandbox's mounts are laid out on. */
  readonly sandboxes: string;
}

export function createPaths(dataRoot: string, execRoot: string): Paths {
  const containers = join(dataRoot, 'containers');
  const directory = (id: string): string => `${containers}/${id}`;
  return {
    containers,
    rootTarget: join(execRoot, 'rootfs'),
    imageViews: join(execRoot, 'image-views'),
    directory,
    log: (id) => `${directory(id)}/${id}-json.log`,
    sharedMemory: (id) => join(execRoot, 'shm', id),
    sandboxes: join(execRoot, 'sandboxes'),
  };
}
