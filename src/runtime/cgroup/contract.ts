import type { Context } from '../../base/context.ts';
import type { SpecMount, SpecResources } from '../../oci/runtime-spec.ts';
import type { Operation, Plan } from '../../plan/operations.ts';
import type { CgroupStats, CgroupVersion } from '../contract.ts';

/**
 * The control groups of a host: groups of processes with limits and counters. A *group* is named by its path from the root of
 * each hierarchy, "/sampan/<id>"; version 1 has a directory of that name in every hierarchy, version 2 has one.
 *
 * Limits at the start are steps of the container's plan; what happens later is written and read here directly.
 */
export interface Cgroups {
  readonly version: CgroupVersion;
  /** Makes the directory that holds `group`, ready for groups below it. Does nothing the second time. */
  prepareParent(group: string): void;
  /** Steps that make a group with these limits and remove it at the end. `slot` may be used for a descriptor. */
  create(group: string, resources: SpecResources, slot: number): GroupPlan;
  /** Steps that put one more process into the group that the process `pid` is in. */
  join(group: string, pid: number, slot: number): JoinPlan;
  /** Steps of the child stage that show the hierarchies at a "cgroup" mount's destination. */
  mount(group: string, mount: SpecMount, view: CgroupView): CgroupMount;
  /** Changes limits in place. Fails with `invalid-argument` and the kernel's reason when one cannot be. */
  update(group: string, resources: SpecResources): void;
  /** Stops every process of the group, at the latest after two seconds; fails with `unavailable` otherwise. */
  freeze(context: Context, group: string): Promise<void>;
  thaw(context: Context, group: string): Promise<void>;
  /** Whether `freeze` was asked for and `thaw` was not since; false when the group is gone. */
  isFrozen(group: string): boolean;
  /** Host PIDs in the group and the groups below it. */
  processes(group: string): readonly number[];
  /** Counters. Fails with `not-found` when the group is gone. */
  stats(group: string): Omit<CgroupStats, 'networks'>;
  /** Kills what is left in the group and removes it; a missing one is fine. */
  remove(context: Context, group: string): Promise<void>;
}

/** How a process gets into its group: `cgroup` is the slot that `clone` takes (-1: none), the rest are steps. */
export interface JoinPlan {
  readonly before: readonly Operation[];
  /** First steps of the child stage: the process joins by itself, which is cheaper than being moved. */
  readonly child: readonly Operation[];
  /** Steps of the parent stage that do it instead, for a process that a user namespace keeps from doing so. */
  readonly parent: readonly Operation[];
  readonly cgroup: number;
}

export interface GroupPlan extends JoinPlan {
  readonly after: Plan['after'];
}

export interface CgroupView {
  /** Slot of the container's root. */
  readonly root: number;
  /** Whether the container has a cgroup namespace of its own, in which its group is the root. */
  readonly ownNamespace: boolean;
}

export interface CgroupMount {
  readonly steps: readonly Operation[];
  /** To be done when nothing more has to be made below the destination. */
  readonly final: readonly Operation[];
}
