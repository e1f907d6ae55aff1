import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { background } from '../../base/context.ts';
import type { FileContentStore } from '../../content/contract.ts';
import { openContentStore } from '../../content/filesystem-store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Launcher, PlanResults } from '../../plan/contract.ts';
import type { Operation, Plan } from '../../plan/operations.ts';
import type { SnapshotDriver } from '../contract.ts';

const context = background();

export interface DriverParts {
  readonly root: string;
  readonly content: FileContentStore;
  readonly launcher: Launcher;
  readonly execRoot: string;
  readonly maxLayerBytes?: number;
}

/** A driver on directories of its own, and what tests do with it. */
export class DriverBench {
  readonly directory: string;
  readonly #open: (parts: DriverParts) => Promise<SnapshotDriver>;
  readonly #launcher: Launcher;
  readonly #mounted: string[] = [];
  #driver: SnapshotDriver | undefined;
  #content: FileContentStore | undefined;
  /** Plans that the driver had carried out. */
  runs = 0;

  constructor(directory: string, open: (parts: DriverParts) => Promise<SnapshotDriver>, launcher: Launcher) {
    this.directory = directory;
    this.#open = open;
    this.#launcher = launcher;
  }

  get driver(): SnapshotDriver {
    if (this.#driver === undefined) throw new Error('not open');
    return this.#driver;
  }

  get content(): FileContentStore {
    if (this.#content === undefined) throw new Error('not open');
    return this.#content;
  }

  /** Opens the driver, again if need be: as a new process would. */
  async open(maxLayerBytes?: number): Promise<void> {
    const run = (plan: Partial<Plan>): Promise<PlanResults> => {
      this.runs++;
      return this.#launcher.run(context, plan);
    };
    const [root, execRoot] = [join(this.directory, 'data'), join(this.directory, 'run')];
    this.#content = await openContentStore(join(root, 'content'));
    const launcher: Launcher = { run: (_, plan) => run(plan) };
    const limit = maxLayerBytes === undefined ? {} : { maxLayerBytes };
    this.#driver = await this.#open({ root, execRoot, content: this.#content, launcher, ...limit });
  }

  async receive(tar: Uint8Array, chunkSize = 1000): Promise<Digest> {
    await using receiver = await this.driver.receive(context);
    for (let at = 0; at < tar.length; at += chunkSize) await receiver.write(tar.subarray(at, at + chunkSize));
    return (await receiver.commit()).diffId;
  }

  /** Carries mount steps out, here, and tells where. */
  async mount(
    make: (target: string) => Promise<{ readonly operations: readonly Operation[] }>,
  ): Promise<string> {
    const target = await mkdtemp(join(this.directory, 'mnt-'));
    const { operations } = await make(target);
    await this.#launcher.run(context, { before: operations });
    this.#mounted.push(target);
    return target;
  }

  /** A new snapshot's root. */
  async start(key: string, layers: readonly Digest[]): Promise<string> {
    await this.driver.prepare(context, key, layers);
    return this.mount((target) => this.driver.mount(context, key, target));
  }

  async unmountAll(): Promise<void> {
    for (const path of this.#mounted.splice(0)) {
      await this.#launcher.run(context, { before: [{ op: 'unmount', path, flags: 0 }] });
    }
  }
}
