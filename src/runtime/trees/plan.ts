import * as k from '../../plan/constants.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import type { TreeSource } from './contract.ts';

/** Slots of a session's plan, from the upper end, as the steps of a mounted source have slots of their own. */
const ROOT = 60;
const PROCESS = 61;
const SEEN = 62;
const OWN = 63;

/** The plan that turns its connection into a session on `source`. */
export function treePlan(source: TreeSource): Operation[] {
  return [...openingOf(source), { op: 'serveTree', root: ROOT }];
}

function openingOf(source: TreeSource): Operation[] {
  switch (source.kind) {
    case 'directory':
      return [openDirectory(ROOT, source.path)];
    case 'mounted':
      return mountedRoot(source.operations, source.root);
    case 'process':
      return source.bare ? bareRoot(source.pid) : [openDirectory(ROOT, `/proc/${source.pid}/root`)];
  }
}

/**
 * The steps run in a mount namespace of their own, of which only a copy of what is at the root remains: no other mount is kept busy, and this one
 * goes with the session.
 */
function mountedRoot(steps: readonly Operation[], root: string): Operation[] {
  const propagation = k.MS_SLAVE | k.MS_REC;
  return [
    openOwnNamespace,
    { op: 'unshare', flags: k.CLONE_NEWNS },
    { op: 'setAttributes', root: HOST, path: '/', set: 0, clear: 0, propagation, recursive: 1 },
    ...steps,
    openDirectory(SEEN, root),
    { op: 'cloneMount', slot: ROOT, source: SEEN, recursive: 1 },
    leaveNamespace,
  ];
}

/** A mount can be copied only from within its namespace. */
function bareRoot(pid: number): Operation[] {
  return [
    openOwnNamespace,
    { op: 'openProcess', slot: PROCESS, pid },
    openDirectory(SEEN, `/proc/${pid}/root`),
    { op: 'setns', slot: PROCESS, type: k.CLONE_NEWNS },
    { op: 'cloneMount', slot: ROOT, source: SEEN, recursive: 0 },
    leaveNamespace,
  ];
}

const openOwnNamespace: Operation = {
  op: 'open',
  slot: OWN,
  dir: HOST,
  path: '/proc/self/ns/mnt',
  flags: k.O_RDONLY,
  mode: 0,
  resolve: 0,
};

const leaveNamespace: Operation = { op: 'setns', slot: OWN, type: k.CLONE_NEWNS };

function openDirectory(slot: number, path: string): Operation {
  return { op: 'open', slot, dir: HOST, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0, resolve: 0 };
}
