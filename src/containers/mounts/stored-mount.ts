import type { MountPoint } from '../contract.ts';

/** A mount of a container: what inspect shows of it, and what its start has to know besides. */
export interface StoredMount {
  readonly point: MountPoint;
  /** A volume that nobody named: it may go with the container. */
  readonly anonymous: boolean;
  /** Volume: while it is empty, it gets what the image has at its mount point. */
  readonly copiesUp: boolean;
  /** Volume, image: what is mounted lies in it, relative to its root; empty for all of it. */
  readonly subpath: string;
  /** Image: its ID, whatever name was given. */
  readonly imageId: string;
  /** Bind: make a missing source directory, as `-v` does. */
  readonly createSource: boolean;
  /** Bind: the propagation was asked for, not chosen by default. */
  readonly explicitPropagation: boolean;
  readonly nonRecursive: boolean;
  readonly readOnlyNonRecursive: boolean;
  readonly readOnlyForceRecursive: boolean;
  /** tmpfs: options as mount(8) takes them, comma-separated. */
  readonly tmpfsOptions: string;
  /** Of a container that runs: it comes, or goes, with the next start. */
  readonly pending?: 'added' | 'removed';
}

/** Those that a container has now: as it was started if it runs, as it would be if not. */
export function currentMounts(mounts: readonly StoredMount[], running: boolean): readonly StoredMount[] {
  return running ? mounts.filter(({ pending }) => pending !== 'added') : nextMounts(mounts);
}

/** Those that it has after its next start. */
export function nextMounts(mounts: readonly StoredMount[]): readonly StoredMount[] {
  if (mounts.every(({ pending }) => pending === undefined)) return mounts;
  return mounts.filter(({ pending }) => pending !== 'removed').map(({ pending: _, ...mount }) => mount);
}

export const plainMount: Omit<StoredMount, 'point'> = {
  anonymous: false,
  copiesUp: false,
  subpath: '',
  imageId: '',
  createSource: false,
  explicitPropagation: false,
  nonRecursive: false,
  readOnlyNonRecursive: false,
  readOnlyForceRecursive: false,
  tmpfsOptions: '',
};
