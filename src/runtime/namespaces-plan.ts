import type { NamespaceType, SpecLinux } from '../oci/runtime-spec.ts';
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  O_RDONLY,
} from '../plan/constants.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import { NAMESPACE_SLOTS } from './slots.ts';

const namespaceFlags: Readonly<Record<NamespaceType, number>> = {
  mount: CLONE_NEWNS,
  cgroup: CLONE_NEWCGROUP,
  uts: CLONE_NEWUTS,
  ipc: CLONE_NEWIPC,
  user: CLONE_NEWUSER,
  pid: CLONE_NEWPID,
  network: CLONE_NEWNET,
  time: CLONE_NEWTIME,
};

export interface NamespacesPlan {
  /** Opens what is joined, while the host's /proc is in sight. */
  readonly before: readonly Operation[];
  /** For `clone`. */
  readonly flags: number;
  /** First of the child stage, once the process is in its cgroup. */
  readonly child: readonly Operation[];
  /** Types of which the container has one that is not the host's. */
  readonly separate: ReadonlySet<NamespaceType>;
}

/**
 * Namespaces that are new are made with the process, but for the cgroup namespace, whose root is the group that the process is in
 * when it is made. Those that belong to a user namespace which is joined must be made after joining it.
 */
export function planNamespaces(namespaces: SpecLinux['namespaces']): NamespacesPlan {
  const joined = namespaces.flatMap(({ type, path }) => (path === undefined ? [] : [{ type, path }]));
  const fresh = new Set(namespaces.filter(({ path }) => path === undefined).map(({ type }) => type));
  const joinsUser = joined.some(({ type }) => type === 'user');
  const late = [...fresh].filter((type) => type === 'cgroup' || joinsUser);
  const atOnce = [...fresh].filter((type) => !late.includes(type));
  const forks = joined.some(({ type }) => type === 'pid') || late.includes('pid');
  // From outside every other namespace can be joined; once in the user namespace only those that belong to it.
  const order = joined.toSorted((a, b) => Number(a.type === 'user') - Number(b.type === 'user'));
  return {
    before: order.map(({ path }, index) => openNamespace(NAMESPACE_SLOTS + index, path)),
    flags: flagsOf(atOnce),
    child: [
      ...order.map(({ type }, index): Operation => joinNamespace(NAMESPACE_SLOTS + index, type)),
      ...(late.length > 0 ? [{ op: 'unshare', flags: flagsOf(late) } as const] : []),
      ...(forks ? [{ op: 'fork' } as const] : []),
    ],
    separate: new Set(namespaces.map(({ type }) => type)),
  };
}

function openNamespace(slot: number, path: string): Operation {
  return { op: 'open', slot, dir: HOST, path, flags: O_RDONLY, mode: 0, resolve: 0 };
}

function joinNamespace(slot: number, type: NamespaceType): Operation {
  return { op: 'setns', slot, type: namespaceFlags[type] };
}

export function flagsOf(types: Iterable<NamespaceType>): number {
  let flags = 0;
  for (const type of types) flags |= namespaceFlags[type];
  return flags;
}

const encoder = new TextEncoder();

/** The parent stage's part: who the users of a new user namespace are outside. */
export function planIdMappings({ uidMappings = [], gidMappings = [] }: SpecLinux): readonly Operation[] {
  const write = (file: string, mappings: typeof uidMappings): Operation[] =>
    mappings.length === 0 ? [] : [{ op: 'writeChild', file, data: encoder.encode(mapText(mappings)) }];
  return [...write('uid_map', uidMappings), ...write('gid_map', gidMappings)];
}

function mapText(mappings: NonNullable<SpecLinux['uidMappings']>): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('');
}
