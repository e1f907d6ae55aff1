import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../../base/context.ts';
import { internal, invalid, messageOf, SampanError } from '../../base/errors.ts';
import { mountPointsBelow } from '../../base/mount-points.ts';
import { MNT_DETACH } from '../../plan/constants.ts';
import type { Launcher } from '../../plan/contract.ts';
import { PlanError } from '../../plan/plan-error.ts';
import type { Attachment, VolumeDriver } from '../driver.ts';
import { anonymousName } from '../volume-name.ts';
import { withAddress } from './address.ts';
import { explainMount, localMountStep } from './mount-step.ts';
import { type LocalMount, parseLocalOptions } from './options.ts';

export const LOCAL = 'local';

/** No volume's name starts with a dot. */
const TRASH = '.removing-';

/** The old content of a volume, while it is being replaced. */
const REPLACED = '.replaced';
const SNAPSHOTS = '.snapshots';

/**
 * Volumes as directories of this host: a volume's data is `<root>/<name>/_data`. With the options `type` and `device` something is mounted
 * there while somebody has the volume at hand; what the kernel has mounted is all that is remembered of it.
 */
export class LocalDriver implements VolumeDriver {
  readonly name = LOCAL;
  readonly scope = 'local';
  readonly #root: string;
  readonly #launcher: Launcher;
  readonly #projectOf: (name: string) => number;

  /** `projectOf` gives each volume the number of a quota project. */
  constructor(root: string, launcher: Launcher, projectOf: (name: string) => number) {
    this.#root = root;
    this.#launcher = launcher;
    this.#projectOf = projectOf;
    mkdirSync(root, { recursive: true, mode: 0o701 });
    putBack(root);
    removeTrash(root);
  }

  directory(name: string): string {
    return join(this.#root, name, '_data');
  }

  snapshotDirectory(name: string, snapshot: string): string {
    return join(this.#root, name, SNAPSHOTS, snapshot);
  }

  async create(context: Context, name: string, options: Readonly<Record<string, string>>): Promise<string> {
    const { size } = parseLocalOptions(name, options);
    const directory = this.directory(name);
    await mkdir(directory, { recursive: true, mode: 0o755 });
    if (size > 0) await this.#createLimit(context, name, directory, size);
    return directory;
  }

  /**
   * The data are out of the way in the moment in which `forget` drops the row: a new volume of the name starts empty, whenever the daemon
   * dies. What is mounted is not the volume's to remove.
   */
  async remove(context: Context, name: string, forget: () => void = () => {}): Promise<void> {
    if (this.isMounted(name)) await this.unmount(context, name);
    forget();
    await this.discard(join(this.#root, name));
  }

  async attach(context: Context, { name, options }: Attachment): Promise<string> {
    const path = this.directory(name);
    const { mount } = parseLocalOptions(name, options);
    if (mount !== undefined && !this.isMounted(name)) await this.#mount(context, mount, path);
    return path;
  }

  async detach(context: Context, { name, options, alone }: Attachment): Promise<void> {
    const { mount } = parseLocalOptions(name, options);
    if (mount !== undefined && alone) await this.unmount(context, name);
  }

  async status(): Promise<undefined> {
    return undefined;
  }

  /** All of its volumes are known from the database. */
  async list(): Promise<readonly []> {
    return [];
  }

  isMounted(name: string): boolean {
    return mountPointsBelow(this.#root).has(`${name}/_data`);
  }

  /** Names of the volumes that something is mounted on. */
  mounted(): string[] {
    return [...mountPointsBelow(this.#root)]
      .filter((path) => /^[^/]+\/_data$/.test(path))
      .map((path) => path.slice(0, -'/_data'.length));
  }

  has(name: string): boolean {
    return existsSync(join(this.#root, name));
  }

  rename(name: string, newName: string): void {
    renameSync(join(this.#root, name), join(this.#root, newName));
  }

  /** Limits the volume to what its options say. */
  async limit(context: Context, { name, options }: Limited): Promise<void> {
    const { size } = parseLocalOptions(name, options);
    if (size > 0) await this.#limit(context, name, this.directory(name), size);
  }

  /** An empty directory whose name no volume has; it is removed with the trash unless it is put somewhere else. */
  async staging(): Promise<string> {
    const path = join(this.#root, `${TRASH}${anonymousName()}`);
    await mkdir(path, { mode: 0o755 });
    return path;
  }

  /** As `staging`, for what is to be a volume's content: its files count for the volume's limit, which is lifted until `limit`. */
  async stagingFor(context: Context, { name, options }: Limited): Promise<string> {
    const path = await this.staging();
    const { size } = parseLocalOptions(name, options);
    if (size > 0) await this.#limit(context, name, path, 0);
    return path;
  }

  /** Puts `staged` in the place of a directory, which is discarded. One of them is there, whenever the daemon dies. */
  async replace(directory: string, staged: string): Promise<void> {
    const old = `${directory}${REPLACED}`;
    if (existsSync(directory)) renameSync(directory, old);
    renameSync(staged, directory);
    await this.discard(old);
  }

  /** Makes `staged` the content of a volume to be. */
  async adopt(name: string, staged: string): Promise<string> {
    const directory = this.directory(name);
    await mkdir(dirname(directory), { recursive: true, mode: 0o755 });
    renameSync(staged, directory);
    return directory;
  }

  async discard(directory: string): Promise<void> {
    const trash = join(this.#root, `${TRASH}${anonymousName()}`);
    if (existsSync(directory)) renameSync(directory, trash);
    await rm(trash, { recursive: true, force: true });
  }

  async #createLimit(context: Context, name: string, directory: string, size: number): Promise<void> {
    try {
      await this.#limit(context, name, directory, size);
    } catch (error) {
      await this.discard(join(this.#root, name));
      if (!(error instanceof PlanError)) throw error;
      throw invalid(`create ${name}: quota size requested but no quota support`, {
        cause: error,
        hint: 'Volumes must lie on ext4 or XFS that is mounted with the option "prjquota".',
      });
    }
  }

  async #limit(context: Context, name: string, path: string, bytes: number): Promise<void> {
    const project = this.#projectOf(name);
    await this.#launcher.run(context, { before: [{ op: 'limitProject', path, project, bytes }] });
  }

  async #mount(context: Context, mount: LocalMount, path: string): Promise<void> {
    try {
      if (mount.device === '') throw internal('missing device in volume options');
      const found = await withAddress(mount);
      try {
        await this.#launcher.run(context, { before: [localMountStep(found, path)] });
      } catch (error) {
        throw explainMount(error, found, path);
      }
    } catch (error) {
      const { code, hint } =
        error instanceof SampanError ? error : ({ code: 'internal', hint: undefined } as const);
      throw new SampanError(code, `error while mounting volume '${path}': ${messageOf(error)}`, {
        cause: error,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }

  async unmount(context: Context, name: string): Promise<void> {
    // Mounts may have been stacked by hand.
    while (this.isMounted(name)) {
      const path = this.directory(name);
      await this.#launcher.run(context, { before: [{ op: 'unmount', path, flags: MNT_DETACH }] });
    }
  }
}

interface Limited {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What a killed daemon was replacing and had nothing for yet. */
function putBack(root: string): void {
  for (const name of readdirSync(root)) {
    const directory = join(root, name, '_data');
    const old = `${directory}${REPLACED}`;
    if (!existsSync(old)) continue;
    if (existsSync(directory)) renameSync(old, join(root, `${TRASH}${anonymousName()}`));
    else renameSync(old, directory);
  }
}

/** What a killed daemon was removing, or had not finished. */
function removeTrash(root: string): void {
  for (const name of readdirSync(root)) {
    if (name.startsWith(TRASH)) rmSync(join(root, name), { recursive: true, force: true });
  }
}
