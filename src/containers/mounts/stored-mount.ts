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
