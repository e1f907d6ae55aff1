import type { SpecProcess } from '../oci/runtime-spec.ts';
import type { Operation } from '../plan/operations.ts';
import { capabilitiesStep } from './capabilities.ts';
import type { StreamOptions } from './contract.ts';
import { planRlimits } from './rlimits.ts';
import type { SeccompFilter } from './seccomp/filters.ts';

/** Docker's: what a process makes is not writable for others. */
const UMASK = 0o022;

/** The step of the before stage that lays out standard input, output and error. */
export function streamsStep(streams: StreamOptions): Operation {
  return {
    op: 'streams',
    terminal: Number(streams.terminal),
    stdin: Number(streams.stdin),
    stdinOnce: Number(streams.stdinOnce),
  };
}

/** Needs the container's /dev/pts; `console` puts it on /dev/console too. */
export function terminalSteps(streams: StreamOptions, root: number, console: boolean): Operation[] {
  if (!streams.terminal) return [];
  const { rows, columns } = streams.size;
  return [{ op: 'terminal', root, console: Number(console), rows, columns }];
}

/** Reads the container's own passwd and group files, so it has to come when all mounts are in place. */
export function resolveUserStep({ user }: SpecProcess, root: number): Operation {
  return {
    op: 'resolveUser',
    root,
    user: user.username ?? `${user.uid}:${user.gid}`,
    extraGroups: user.additionalGroups ?? [],
  };
}

/** Chosen as root, who may enter directories that the user cannot. */
export function workingDirectoryStep({ cwd }: SpecProcess, create: boolean): Operation {
  return { op: 'workingDirectory', path: cwd, create: Number(create) };
}

const encoder = new TextEncoder();

/** Only the parent may lower it for a process in a user namespace of its own. */
export function oomScoreSteps({ oomScoreAdj }: SpecProcess): Operation[] {
  if (oomScoreAdj === undefined) return [];
  return [{ op: 'writeChild', file: 'oom_score_adj', data: encoder.encode(String(oomScoreAdj)) }];
}

/**
 * The end of every child stage: privileges go step by step and nothing that needs one comes after it. A filter without
 * no_new_privs needs CAP_SYS_ADMIN, which the launcher keeps until it is loaded.
 */
export function planProgram(process: SpecProcess, filter: SeccompFilter | undefined): Operation[] {
  return [
    ...planRlimits(process.rlimits ?? []),
    { op: 'umask', mask: UMASK },
    ...labelSteps(process),
    ...(process.capabilities === undefined ? [] : [capabilitiesStep(process.capabilities)]),
    ...(process.noNewPrivileges ? [{ op: 'noNewPrivileges' } as const] : []),
    ...(filter === undefined ? [] : [{ op: 'seccomp', ...filter } as const]),
    { op: 'setUser' },
    { op: 'exec', argv: process.args, env: process.env },
  ];
}

function labelSteps({ apparmorProfile, selinuxLabel }: SpecProcess): Operation[] {
  return [
    ...(apparmorProfile
      ? [{ op: 'securityLabel', file: 'apparmor/exec', label: `exec ${apparmorProfile}` } as const]
      : []),
    ...(selinuxLabel ? [{ op: 'securityLabel', file: 'exec', label: selinuxLabel } as const] : []),
  ];
}
