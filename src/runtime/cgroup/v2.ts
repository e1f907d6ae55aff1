import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Context } from '../../base/context.ts';
import { errnoOf } from '../../base/errno.ts';
import { SampanError } from '../../base/errors.ts';
import type { SpecMount, SpecResources } from '../../oci/runtime-spec.ts';
import { O_DIRECTORY, O_PATH } from '../../plan/constants.ts';
import { HOST, type Operation } from '../../plan/operations.ts';
import { deviceProgram } from '../device-filter.ts';
import { parseMountOptions } from '../mount-options.ts';
import type { CgroupMount, Cgroups, CgroupView, GroupPlan, JoinPlan } from './contract.ts';
import { applySettings, readTable, readText, type Setting, writeStep } from './setting.ts';
import { killBelow, processesBelow, removeTree, waitUntil } from './tree.ts';
import { unifiedLimits, type WeightFile } from './v2-limits.ts';
import { readUnifiedStats } from './v2-stats.ts';

/** Version 2: one hierarchy. A new process is born in its group (CLONE_INTO_CGROUP). */
export class CgroupsV2 implements Cgroups {
  readonly version = 2;
  readonly #mountpoint: string;
  readonly #controllers: ReadonlySet<string>;
  readonly #prepared = new Set<string>();

  constructor(mountpoint: string, controllers: ReadonlySet<string>) {
    this.#mountpoint = mountpoint;
    this.#controllers = controllers;
  }

  prepareParent(group: string): void {
    const parent = group.slice(0, group.lastIndexOf('/'));
    if (this.#prepared.has(parent)) return;
    if (parent !== '') {
      this.prepareParent(parent);
      mkdirSync(`${this.#mountpoint}${parent}`, { recursive: true });
    }
    this.#enableControllers(`${this.#mountpoint}${parent}`);
    this.#prepared.add(parent);
  }

  create(group: string, resources: SpecResources, slot: number): GroupPlan {
    const directory = `${this.#mountpoint}${group}`;
    const limits = this.#settings(group, resources).map((setting) => writeStep(setting));
    const devices: Operation[] =
      resources.devices === undefined
        ? []
        : [{ op: 'deviceProgram', path: directory, program: deviceProgram(resources.devices) }];
    const watch: Operation[] = this.#controllers.has('memory')
      ? [{ op: 'watchOom', path: directory, version: this.version }]
      : [];
    return {
      before: [
        { op: 'mkdir', dir: HOST, path: directory, mode: 0o755 },
        ...limits,
        ...devices,
        ...watch,
        openDirectory(slot, directory),
      ],
      child: [],
      parent: [],
      cgroup: slot,
      after: [{ op: 'removeCgroup', path: directory }],
    };
  }

  /** The process may have made groups below its own and moved there, after which its first group takes no process any more. */
  join(group: string, pid: number, slot: number): JoinPlan {
    const current = /^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`) ?? '')?.[1] ?? group;
    const path = current === group || current.startsWith(`${group}/`) ? current : group;
    return {
      before: [openDirectory(slot, `${this.#mountpoint}${path}`)],
      child: [],
      parent: [],
      cgroup: slot,
    };
  }

  mount(_group: string, mount: SpecMount, view: CgroupView): CgroupMount {
    const { set, propagation } = parseMountOptions(mount.options);
    const target = { root: view.root, path: mount.destination, propagation, create: 1 } as const;
    // A user namespace may mount the hierarchy only in a cgroup namespace that is its own; what a fresh mount would show is the host's.
    const step: Operation = view.ownNamespace
      ? { op: 'mount', ...target, fstype: 'cgroup2', source: 'cgroup', attributes: set, options: [] }
      : {
          ...{ op: 'bind', ...target, sourceDir: HOST, sourcePath: this.#mountpoint },
          ...{ recursive: 0, set, clear: 0, recursiveAttributes: 0 },
        };
    return { steps: [step], final: [] };
  }

  update(group: string, resources: SpecResources): void {
    applySettings(this.#settings(group, resources));
  }

  async freeze(context: Context, group: string): Promise<void> {
    const directory = `${this.#mountpoint}${group}`;
    writeFileSync(`${directory}/cgroup.freeze`, '1');
    const frozen = await waitUntil(
      context,
      () => readTable(`${directory}/cgroup.events`).get('frozen') === 1,
    );
    if (frozen) return;
    writeFileSync(`${directory}/cgroup.freeze`, '0');
    throw new SampanError('unavailable', 'unable to freeze: some process of the container does not stop');
  }

  async thaw(_context: Context, group: string): Promise<void> {
    writeFileSync(`${this.#mountpoint}${group}/cgroup.freeze`, '0');
  }

  isFrozen(group: string): boolean {
    return readText(`${this.#mountpoint}${group}/cgroup.freeze`) === '1';
  }

  processes(group: string): readonly number[] {
    return processesBelow(`${this.#mountpoint}${group}`);
  }

  stats(group: string): ReturnType<Cgroups['stats']> {
    return readUnifiedStats(`${this.#mountpoint}${group}`);
  }

  async remove(context: Context, group: string): Promise<void> {
    const directory = `${this.#mountpoint}${group}`;
    if (!existsSync(directory)) return;
    await this.thaw(context, group);
    await killBelow(context, directory);
    removeTree(directory);
  }

  #settings(group: string, resources: SpecResources): Setting[] {
    const parent = `${this.#mountpoint}${group.slice(0, group.lastIndexOf('/'))}`;
    const weightFile: WeightFile = existsSync(`${parent}/io.bfq.weight`) ? 'io.bfq.weight' : 'io.weight';
    return unifiedLimits(resources, weightFile).map(({ file, value }) => ({
      path: `${this.#mountpoint}${group}/${file}`,
      value,
    }));
  }

  /** Lets the groups below `directory` have limits. A controller that cannot be passed on is left out, as the kernel would. */
  #enableControllers(directory: string): void {
    const available = words(`${directory}/cgroup.controllers`);
    const enabled = new Set(words(`${directory}/cgroup.subtree_control`));
    for (const controller of available.filter((name) => !enabled.has(name))) {
      if (tryWrite(`${directory}/cgroup.subtree_control`, `+${controller}`) !== 'EBUSY') continue;
      // A group with processes of its own passes nothing on; the host's true root is exempt, a container's is not.
      if (directory === this.#mountpoint) this.#clearRoot();
      tryWrite(`${directory}/cgroup.subtree_control`, `+${controller}`);
    }
  }

  #clearRoot(): void {
    const refuge = `${this.#mountpoint}/init`;
    mkdirSync(refuge, { recursive: true });
    for (const pid of words(`${this.#mountpoint}/cgroup.procs`)) tryWrite(`${refuge}/cgroup.procs`, pid);
  }
}

function openDirectory(slot: number, path: string): Operation {
  return { op: 'open', slot, dir: HOST, path, flags: O_PATH | O_DIRECTORY, mode: 0, resolve: 0 };
}

function words(path: string): string[] {
  return readFileSync(path, 'utf8').split(/\s+/).filter(Boolean);
}

/** The error's name, or undefined when the write was taken. */
function tryWrite(path: string, text: string): string | undefined {
  try {
    writeFileSync(path, text);
    return undefined;
  } catch (error) {
    return errnoOf(error) ?? 'EIO';
  }
}
