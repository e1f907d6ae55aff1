import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { SpecMount, SpecResources } from '../../oci/runtime-spec.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import type { CgroupMount, Cgroups, CgroupView, GroupPlan, JoinPlan } from './contract.ts';
import type { Hierarchy } from './layout.ts';
import { applySettings, readText, type Setting, writeStep } from './setting.ts';
import { killBelow, processesBelow, removeTree, waitUntil } from './tree.ts';
import { type Limit, limitsOf } from './v1-limits.ts';
import { mountHierarchies } from './v1-mount.ts';
import { readStats } from './v1-stats.ts';

/** The process itself; in a one-thread process "tasks" does what cgroup.procs does, without the kernel's global lock. */
const SELF = '0';

/** Version 1: one hierarchy for each controller or set of controllers. */
export class CgroupsV1 implements Cgroups {
  readonly version = 1;
  readonly #hierarchies: readonly Hierarchy[];
  readonly #prepared = new Set<string>();

  constructor(hierarchies: readonly Hierarchy[]) {
    this.#hierarchies = hierarchies;
  }

  prepareParent(group: string): void {
    const parent = group.slice(0, group.lastIndexOf('/'));
    if (parent === '' || this.#prepared.has(parent)) return;
    this.prepareParent(parent);
    for (const { mountpoint, controllers } of this.#hierarchies) {
      mkdirSync(`${mountpoint}${parent}`, { recursive: true });
      if (controllers.includes('cpuset')) inheritCpuset(`${mountpoint}${parent}`);
    }
    this.#prepared.add(parent);
  }

  create(group: string, resources: SpecResources): GroupPlan {
    const mkdirs = this.#hierarchies.map(
      ({ mountpoint }): Operation => ({ op: 'mkdir', dir: HOST, path: `${mountpoint}${group}`, mode: 0o755 }),
    );
    const limits = this.#settings(group, limitsOf(resources)).map((setting) => writeStep(setting));
    const memory = this.#directory('memory', group);
    const watch: Operation[] =
      memory === undefined ? [] : [{ op: 'watchOom', path: memory, version: this.version }];
    return {
      ...this.join(group),
      before: [...mkdirs, ...limits, ...watch],
      after: this.#hierarchies.map(({ mountpoint }) => ({
        op: 'removeCgroup',
        path: `${mountpoint}${group}`,
      })),
    };
  }

  join(group: string): JoinPlan {
    return {
      before: [],
      child: this.#hierarchies.map(({ mountpoint }) =>
        writeStep({ path: `${mountpoint}${group}/tasks`, value: SELF }),
      ),
      parent: this.#hierarchies.map(({ mountpoint }) => ({
        op: 'writePid',
        dir: HOST,
        path: `${mountpoint}${group}/cgroup.procs`,
      })),
      cgroup: -1,
    };
  }

  mount(group: string, mount: SpecMount, view: CgroupView): CgroupMount {
    return mountHierarchies(this.#hierarchies, group, mount, view);
  }

  update(group: string, resources: SpecResources): void {
    const settings = this.#settings(group, limitsOf(resources));
    applySettings(swapFirstIfGrowing(settings));
  }

  async freeze(context: Context, group: string): Promise<void> {
    const file = `${this.#freezer(group)}/freezer.state`;
    const frozen = await waitUntil(context, () => {
      // Processes that were being made meanwhile may have slipped through, so it is asked again each time.
      writeFileSync(file, 'FROZEN');
      return readFileSync(file, 'utf8').trim() === 'FROZEN';
    });
    if (frozen) return;
    writeFileSync(file, 'THAWED');
    throw new SampanError('unavailable', 'unable to freeze: some process of the container does not stop');
  }

  async thaw(_context: Context, group: string): Promise<void> {
    writeFileSync(`${this.#freezer(group)}/freezer.state`, 'THAWED');
  }

  isFrozen(group: string): boolean {
    const directory = this.#directory('freezer', group);
    return directory !== undefined && readText(`${directory}/freezer.self_freezing`) === '1';
  }

  processes(group: string): readonly number[] {
    return processesBelow(this.#anyDirectory(group));
  }

  stats(group: string): ReturnType<Cgroups['stats']> {
    return readStats((controller) => this.#directory(controller, group));
  }

  async remove(context: Context, group: string): Promise<void> {
    const left = this.#hierarchies
      .map(({ mountpoint }) => `${mountpoint}${group}`)
      .filter((path) => existsSync(path));
    if (left.length === 0) return;
    const freezer = this.#directory('freezer', group);
    if (freezer !== undefined && left.includes(freezer)) await this.thaw(context, group);
    await killBelow(context, this.#anyDirectory(group));
    for (const directory of left) removeTree(directory);
  }

  /** Limits of controllers that the host lacks have been warned about when the container was created. */
  #settings(group: string, limits: readonly Limit[]): Setting[] {
    return limits.flatMap(({ controller, file, value }) => {
      const directory = this.#directory(controller, group);
      return directory === undefined ? [] : [{ path: `${directory}/${file}`, value }];
    });
  }

  #directory(controller: string, group: string): string | undefined {
    const hierarchy = this.#hierarchies.find((one) => one.controllers.includes(controller));
    return hierarchy === undefined ? undefined : `${hierarchy.mountpoint}${group}`;
  }

  #freezer(group: string): string {
    const directory = this.#directory('freezer', group);
    if (directory === undefined) throw new SampanError('unavailable', 'the host has no freezer cgroup');
    return directory;
  }

  /** Every process is in every hierarchy; the freezer's is the one that users' tools never rearrange. */
  #anyDirectory(group: string): string {
    return this.#directory('freezer', group) ?? `${this.#hierarchies[0]?.mountpoint}${group}`;
  }
}

/** A cpuset without processors and memory nodes takes no process; children copy theirs from a parent that says so. */
function inheritCpuset(directory: string): void {
  const above = directory.slice(0, directory.lastIndexOf('/'));
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const inherited = readText(`${above}/${file}`);
    if (inherited && readText(`${directory}/${file}`) === '')
      writeFileSync(`${directory}/${file}`, inherited);
  }
  writeFileSync(`${directory}/cgroup.clone_children`, '1');
}

/** Memory and swap together may at no moment be less than memory alone: whichever way they move, the outer one goes first up. */
function swapFirstIfGrowing(settings: readonly Setting[]): readonly Setting[] {
  const memory = settings.find(({ path }) => path.endsWith('/memory.limit_in_bytes'));
  const swap = settings.find(({ path }) => path.endsWith('/memory.memsw.limit_in_bytes'));
  if (memory === undefined || swap === undefined) return settings;
  const current = Number(readText(memory.path) ?? 0);
  const growing = swap.value === '-1' || current < Number(swap.value);
  const others = settings.filter((setting) => setting !== memory && setting !== swap);
  return growing ? [swap, memory, ...others] : [memory, swap, ...others];
}
