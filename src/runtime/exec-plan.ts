import type { NamespaceType, SpecProcess } from '../oci/runtime-spec.ts';
import { O_DIRECTORY, O_PATH } from '../plan/constants.ts';
import { HOST, type Plan, TASK_SLOT } from '../plan/operations.ts';
import type { JoinPlan } from './cgroup/contract.ts';
import type { StreamOptions } from './contract.ts';
import { flagsOf } from './namespaces-plan.ts';
import {
  oomScoreSteps,
  planProgram,
  resolveUserStep,
  streamsStep,
  terminalSteps,
  workingDirectoryStep,
} from './process-plan.ts';
import type { SeccompFilter } from './seccomp/filters.ts';
import { ROOT_SLOT } from './slots.ts';

export interface ExecInputs {
  readonly process: SpecProcess;
  readonly streams: StreamOptions;
  /** Namespaces that the container does not share with the host. */
  readonly namespaces: Iterable<NamespaceType>;
  readonly join: JoinPlan;
  readonly filter: SeccompFilter | undefined;
  /** Names the session keyring that the container's processes share. */
  readonly keyring: string;
}

/**
 * One more process in a running container. It joins the cgroup first and all namespaces at once, through the pidfd of the container's first
 * process, so that it cannot end up in another container's.
 */
export function planExec(inputs: ExecInputs): Partial<Plan> {
  const { process, streams, join } = inputs;
  const types = new Set(inputs.namespaces);
  return {
    before: [streamsStep(streams), ...join.before, { op: 'clone', flags: 0, cgroup: join.cgroup }],
    parent: oomScoreSteps(process),
    child: [
      ...join.child,
      { op: 'setns', slot: TASK_SLOT, type: flagsOf(types) },
      ...(types.has('pid') ? [{ op: 'fork' } as const] : []),
      {
        op: 'open',
        slot: ROOT_SLOT,
        dir: HOST,
        path: '/',
        flags: O_PATH | O_DIRECTORY,
        mode: 0,
        resolve: 0,
      },
      { op: 'keyring', name: inputs.keyring },
      resolveUserStep(process, ROOT_SLOT),
      ...terminalSteps(streams, ROOT_SLOT, false),
      workingDirectoryStep(process, false),
      ...planProgram(process, inputs.filter),
    ],
    after: [],
  };
}
