import { randomBytes } from 'node:crypto';
import type { Paths } from '../paths.ts';

/** Where a sandbox is, and what it is called by whom. */
export interface Place {
  /** 64 hex digits: what the runtime and the network know it by. */
  readonly id: string;
  /** Its snapshot. */
  readonly key: string;
  /** Holds its files of /etc. */
  readonly directory: string;
}

export function newPlace(paths: Paths): Place {
  const id = randomBytes(32).toString('hex');
  return { id, key: snapshotKey(id), directory: sandboxDirectory(paths, id) };
}

/** The prefix is what tells sandboxes' snapshots from containers'. */
function snapshotKey(id: string): string {
  return `build-${id}`;
}

/** Of the writable part that a mount of layers has for a run. */
export function mountKey(id: string, mount: number): string {
  return `${snapshotKey(id)}.${mount}`;
}

/** The sandbox that a snapshot belongs to; undefined for a snapshot that belongs to none. */
export function sandboxOf(key: string): string | undefined {
  return /^build-([0-9a-f]{64})(?:\.\d+)?$/.exec(key)?.[1];
}

export function sandboxDirectory(paths: Paths, id: string): string {
  return `${paths.sandboxes}/${id}`;
}

/** Where the mounts of a run are laid out: one place for all, as each run sees only its own mounts on it. */
export function stagingDirectory(paths: Paths): string {
  return `${paths.sandboxes}/mounts`;
}
