import * as k from '../../plan/constants.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import type { TreeSource } from './contract.ts';

/** Slots of a session's plan; steps of a mounted source may use any, as these are filled after them. */
const ROOT = 0;
const PROCESS = 1;
const SEEN = 2;
const OWN = 3;

/** The plan that turns its connection into a session on `source`. */
export function treePlan(source: TreeSource): Operation[] {
  return [...openingOf(source), { op: 'serveTree', root: ROOT }];
}

function openingOf(source: TreeSource): Operation[] {
  switch (source.kind) {
    case 'directory':
      return [openDirectory(ROOT, source.path)];
    case 'mounted':
      return [...ownMounts, ...source.operations, openDirectory(ROOT, source.root)];
    case 'process':
      return source.bare ? bareRoot(source.pid) : [openDirectory(ROOT, `/proc/${source.pid}/root`)];
  }
}

/** What is mounted here is nobody else's; what the host unmounts meanwhile goes here as well, so that nothing is kept busy. */
const ownMounts: readonly Operation[] = [
  { op: 'unshare', flags: k.CLONE_NEWNS },
  {
    op: 'setAttributes',
    root: HOST,
    path: '/',
    set: 0,
    clear: 0,
    propagation: k.MS_SLAVE | k.MS_REC,
    recursive: 1,
  },
];

/** A mount can be copied only from within its namespace, which is left again at once. */
function bareRoot(pid: number): Operation[] {
  return [
    { op: 'open', slot: OWN, dir: HOST, path: '/proc/self/ns/mnt', flags: k.O_RDONLY, mode: 0, resolve: 0 },
    { op: 'openProcess', slot: PROCESS, pid },
    openDirectory(SEEN, `/proc/${pid}/root`),
    { op: 'setns', slot: PROCESS, type: k.CLONE_NEWNS },
    { op: 'cloneMount', slot: ROOT, source: SEEN },
    { op: 'setns', slot: OWN, type: k.CLONE_NEWNS },
  ];
}

function openDirectory(slot: number, path: string): Operation {
  return { op: 'open', slot, dir: HOST, path, flags: k.O_PATH | k.O_DIRECTORY, mode: 0, resolve: 0 };
}
