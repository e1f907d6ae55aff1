import {
  AT_REMOVEDIR,
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
} from '../../plan/constants.ts';
import { HOST, type Plan } from '../../plan/operations.ts';
import type { Parts } from '../parts.ts';
import { type Entry, joinedContainer } from '../record.ts';

/** /dev/shm of a container that shares one: a host directory, and the steps that make and unmake it if it is its own. */
export interface SharedMemory {
  readonly path: string | undefined;
  readonly plan: Partial<Plan>;
}

/**
 * By IPC mode: a private one needs nothing here. A shareable one is mounted on the host, where those who join can bind it from;
 * the supervisor unmounts it, even when the daemon is gone.
 */
export function planSharedMemory(parts: Parts, { id, container }: Entry): SharedMemory {
  const { IpcMode: mode, ShmSize: size } = container.hostConfig;
  const donor = joinedContainer(mode);
  if (donor !== undefined) return { path: donorPath(parts, donor), plan: {} };
  if (mode === 'host') return { path: '/dev/shm', plan: {} };
  if (mode !== 'shareable') return { path: undefined, plan: {} };
  const path = parts.paths.sharedMemory(id);
  return {
    path,
    plan: {
      before: [
        { op: 'mkdir', dir: HOST, path, mode: 0o700 },
        {
          op: 'mount',
          root: HOST,
          path,
          fstype: 'tmpfs',
          source: 'shm',
          attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
          options: ['mode=1777', `size=${size}`],
          propagation: 0,
          create: 0,
        },
      ],
      after: [
        { op: 'unmount', path, flags: MNT_DETACH },
        { op: 'unlink', dir: HOST, path, flags: AT_REMOVEDIR },
      ],
    },
  };
}

/** A donor may itself have joined another: the memory is that of the first. */
function donorPath(parts: Parts, reference: string): string {
  const donor = parts.registry.get(reference);
  const next = joinedContainer(donor.container.hostConfig.IpcMode);
  if (next !== undefined && next !== donor.id) return donorPath(parts, next);
  return donor.container.hostConfig.IpcMode === 'host' ? '/dev/shm' : parts.paths.sharedMemory(donor.id);
}
