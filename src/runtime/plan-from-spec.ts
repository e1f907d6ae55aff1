import type { NamespaceType, RuntimeSpec } from '../oci/runtime-spec.ts';
import {
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
  O_DIRECTORY,
  O_PATH,
} from '../plan/constants.ts';
import { HOST, type Operation, type Plan } from '../plan/operations.ts';
import type { Cgroups } from './cgroup/contract.ts';
import { groupPath } from './cgroup/layout.ts';
import type { Bundle } from './contract.ts';
import { planDevices } from './devices-plan.ts';
import { planMounts, readOnlyStep } from './mounts-plan.ts';
import { planIdMappings, planNamespaces } from './namespaces-plan.ts';
import {
  oomScoreSteps,
  planProgram,
  resolveUserStep,
  streamsStep,
  terminalSteps,
  workingDirectoryStep,
} from './process-plan.ts';
import type { SeccompFilter } from './seccomp/filters.ts';
import { CGROUP_SLOT, ROOT_SLOT } from './slots.ts';
import { planSysctls } from './sysctls.ts';

export interface StartInputs {
  readonly bundle: Bundle;
  readonly cgroups: Cgroups;
  readonly filter: SeccompFilter | undefined;
  /** Steps of the before stage that come first: the supervisor's socket and state. */
  readonly supervision: readonly Operation[];
  /** Mount point under which the bundle's root target lies, in case that must be cut off from the host's. */
  readonly rootMountpoint: string;
}

/**
 * A container's whole start as one plan. The order is what keeps it safe: everything that takes privileges of the host comes before
 * the root changes, everything that changes the container's files before its root gets read-only, and the program
 * gets its user and its filter last.
 */
export function planFromSpec(inputs: StartInputs): Plan {
  const { bundle, cgroups, supervision } = inputs;
  const { spec, network } = bundle;
  const group = cgroups.create(groupPath(spec.linux.cgroupsPath), spec.linux.resources, CGROUP_SLOT);
  const namespaces = planNamespaces(spec.linux.namespaces);
  // In its own user namespace the process is nobody to the host's cgroups.
  const joinsByParent = spec.linux.namespaces.some(({ type, path }) => type === 'user' && path === undefined);
  return {
    before: [
      ...supervision,
      streamsStep(bundle.streams),
      ...logSteps(bundle),
      ...group.before,
      ...(network.before ?? []),
      ...namespaces.before,
      { op: 'clone', flags: namespaces.flags, cgroup: group.cgroup },
    ],
    parent: [
      ...(joinsByParent ? group.parent : []),
      ...planIdMappings(spec.linux),
      ...oomScoreSteps(spec.process),
      ...besideChild(network.parent ?? []),
    ],
    child: [
      ...(joinsByParent ? [] : group.child),
      ...namespaces.child,
      ...(network.child ?? []),
      ...planRoot(inputs, namespaces.separate),
      ...planProgram(spec.process, inputs.filter),
    ],
    after: [...(network.after ?? []), ...group.after],
  };
}

/**
 * The network is made while the child mounts. The child's namespaces are opened before it goes on, for it may be gone when it does: with
 * an error, or because its successor is the one in a joined PID namespace.
 */
function besideChild(steps: readonly Operation[]): Operation[] {
  if (steps.length === 0) return [];
  const opened = steps.findLastIndex(({ op }) => op === 'openChildNamespace') + 1;
  return [...steps.slice(0, opened), { op: 'release' }, ...steps.slice(opened)];
}

function logSteps({ log }: Bundle): Operation[] {
  if (log === undefined) return [];
  const { path, maxSize, maxFiles, compress, attributes } = log;
  const text = Object.keys(attributes).length === 0 ? '' : JSON.stringify(attributes);
  return [{ op: 'logFile', path, maxSize, maxFiles, attributes: text, compress: Number(compress) }];
}

/** From the host's view of the file system to the container's. */
function planRoot(inputs: StartInputs, separate: ReadonlySet<NamespaceType>): Operation[] {
  const { bundle, cgroups } = inputs;
  const { spec } = bundle;
  const { linux } = spec;
  const group = groupPath(linux.cgroupsPath);
  const view = { root: ROOT_SLOT, ownNamespace: separate.has('cgroup') };
  const mounts = planMounts(spec.mounts, ROOT_SLOT, (mount) => cgroups.mount(group, mount, view));
  return [
    ...propagationSteps(linux.rootfsPropagation, inputs.rootMountpoint),
    ...bundle.rootfs,
    openRoot(bundle.rootTarget),
    ...mounts.steps,
    ...planDevices(spec, ROOT_SLOT),
    ...nameSteps(spec),
    ...planSysctls(linux.sysctl ?? {}, separate),
    ...terminalSteps(bundle.streams, ROOT_SLOT, true),
    ...linux.readonlyPaths.map((path): Operation => ({ op: 'protect', root: ROOT_SLOT, path })),
    ...linux.maskedPaths.map((path): Operation => ({ op: 'mask', root: ROOT_SLOT, path })),
    { op: 'keyring', name: bundle.id },
    resolveUserStep(spec.process, ROOT_SLOT),
    { op: 'pivot', root: ROOT_SLOT },
    workingDirectoryStep(spec.process, true),
    ...mounts.final,
    ...(spec.root.readonly ? [readOnlyStep(ROOT_SLOT, '/')] : []),
  ];
}

const rootPropagations: Readonly<Record<string, number>> = {
  shared: MS_SHARED,
  slave: MS_SLAVE,
  private: MS_PRIVATE,
  unbindable: MS_UNBINDABLE,
};

/**
 * By default the host's later mounts reach the container, never the other way. With "shared" the host's mounts keep their peers, so
 * that shared binds of them work; only the one that the root is put on must not, or the root would appear on the host.
 */
function propagationSteps(wanted: string | undefined, rootMountpoint: string): Operation[] {
  if (wanted === 'shared') return [propagate(rootMountpoint, MS_PRIVATE)];
  return [propagate('/', (rootPropagations[wanted ?? 'slave'] ?? MS_SLAVE) | MS_REC)];
}

function propagate(path: string, propagation: number): Operation {
  return { op: 'setAttributes', root: HOST, path, set: 0, clear: 0, propagation, recursive: 0 };
}

function openRoot(path: string): Operation {
  return { op: 'open', slot: ROOT_SLOT, dir: HOST, path, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 };
}

function nameSteps({ hostname, domainname }: RuntimeSpec): Operation[] {
  return [
    ...(hostname === undefined ? [] : [{ op: 'hostname', name: hostname } as const]),
    ...(domainname === undefined ? [] : [{ op: 'domainname', name: domainname } as const]),
  ];
}
