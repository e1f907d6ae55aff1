import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Context } from '../base/context.ts';
import { conflict, invalid, notFound, SampanError } from '../base/errors.ts';
import type { Launcher } from '../plan/contract.ts';
import { packTree, unpackMembers } from '../runtime/trees/archive.ts';
import type { Attachments } from './attachments.ts';
import type { Volume, VolumeRequest, VolumeSnapshot } from './contract.ts';
import { copyTree } from './copy-tree.ts';
import { LOCAL } from './local/local-driver.ts';
import { needsMount } from './local/options.ts';
import { isEmptyDirectory, type PopulateParts, populate } from './populate.ts';
import type { Turns } from './turns.ts';
import { anonymousName, checkSnapshotName, checkVolumeName } from './volume-name.ts';

export interface CopiesParts extends PopulateParts {
  readonly attachments: Attachments;
  readonly turns: Turns;
  readonly launcher: Launcher;
  readonly create: (context: Context, request: VolumeRequest) => Promise<Volume>;
  /** Makes a local volume known whose data are there. */
  readonly add: (request: VolumeRequest, mountpoint: string) => Volume;
}

/** What Docker has no verb for: other names, copies and archives of local volumes. */
export class Copies {
  readonly #parts: CopiesParts;

  constructor(parts: CopiesParts) {
    this.#parts = parts;
  }

  rename(name: string, newName: string): Promise<Volume> {
    const { table, turns, attachments } = this.#parts;
    checkVolumeName(newName);
    this.#checkFree('rename', name, newName);
    return turns.run(name, async () => {
      const volume = this.#local(name);
      table.checkUnused('rename', name);
      if (attachments.isHeld(name)) throw conflict(`rename ${name}: volume is in use`);
      return await turns.run(newName, async () => {
        this.#checkFree('rename', name, newName);
        const renamed = table.rename(volume, newName);
        table.publish('rename', renamed);
        return renamed;
      });
    });
  }

  /** The copy is made aside, and is a volume when it is whole. */
  clone(context: Context, name: string, newName: string): Promise<Volume> {
    const { local, turns, add } = this.#parts;
    checkVolumeName(newName);
    return this.#holding(context, name, async (volume, directory) => {
      this.#checkFree('clone', name, newName);
      // What lay on a device lies on the disk now.
      const options = needsMount(volume.options) ? {} : volume.options;
      await using copy = await this.#copy(context, directory, { name: newName, options });
      const request = { name: newName, driver: LOCAL, labels: volume.labels, options };
      return await turns.run(newName, async () => {
        this.#checkFree('clone', name, newName);
        const mountpoint = await local.adopt(newName, copy.path);
        await local.limit(context, request);
        return add(request, mountpoint);
      });
    });
  }

  snapshots(name: string): VolumeSnapshot[] {
    return this.#parts.rows.snapshots(this.#local(name).name);
  }

  snapshot(context: Context, name: string, wanted: string): Promise<VolumeSnapshot> {
    const created = new Date();
    const snapshot = wanted || created.toISOString().replace(/[-:]/g, '');
    checkSnapshotName(snapshot);
    const { rows, local, table } = this.#parts;
    return this.#holding(context, name, async (volume, directory) => {
      if (rows.snapshots(name).some((one) => one.name === snapshot)) {
        throw conflict(`snapshot ${name}: there is a snapshot "${snapshot}" already`);
      }
      await using copy = await this.#copy(context, directory);
      const place = local.snapshotDirectory(name, snapshot);
      await mkdir(dirname(place), { recursive: true, mode: 0o700 });
      await local.replace(place, copy.path);
      rows.insertSnapshot(name, { name: snapshot, created });
      table.publish('snapshot', volume);
      return { name: snapshot, created };
    });
  }

  restore(context: Context, name: string, snapshot: string): Promise<void> {
    const { turns, local, table, attachments } = this.#parts;
    return turns.run(name, async () => {
      const volume = this.#local(name);
      this.#checkSnapshot(name, snapshot);
      if (needsMount(volume.options)) throw onDevice('restore', name);
      if (attachments.isHeld(name)) throw held(name);
      try {
        // Old and new count while both are there: the limit is lifted.
        await using copy = await this.#copy(context, local.snapshotDirectory(name, snapshot), volume);
        if (attachments.isHeld(name)) throw held(name);
        await local.replace(volume.mountpoint, copy.path);
      } finally {
        await local.limit(context, volume);
      }
      table.publish('restore', volume);
    });
  }

  removeSnapshot(name: string, snapshot: string): Promise<void> {
    const { turns, local, rows } = this.#parts;
    return turns.run(name, async () => {
      this.#checkSnapshot(this.#local(name).name, snapshot);
      rows.deleteSnapshot(name, snapshot);
      await local.discard(local.snapshotDirectory(name, snapshot));
    });
  }

  /** A killed daemon may have lifted limits. */
  async limitAgain(context: Context): Promise<void> {
    const { table, local } = this.#parts;
    for (const volume of table.list()) if (volume.driver === LOCAL) await local.limit(context, volume);
  }

  async export(context: Context, name: string): Promise<AsyncIterable<Uint8Array>> {
    const { attachments, trees, table } = this.#parts;
    const user = `export-${anonymousName()}`;
    table.get(name);
    const directory = await attachments.acquire(context, name, user);
    const release = () => attachments.release(context, name, user);
    try {
      const tree = await trees.open(context, { kind: 'directory', path: directory });
      return packTree(context, tree, async () => {
        await tree[Symbol.asyncDispose]();
        await release();
      });
    } catch (error) {
      await release();
      throw error;
    }
  }

  async import(context: Context, name: string, tar: AsyncIterable<Uint8Array>): Promise<Volume> {
    const { table, create } = this.#parts;
    if (name === '') throw invalid('a volume is imported under a name');
    const isNew = table.find(name) === undefined;
    if (isNew) await create(context, { name, driver: LOCAL, labels: {}, options: {} });
    try {
      return await this.#holding(context, name, async (volume, directory) => {
        if (!(await isEmptyDirectory(directory))) throw conflict(`import ${name}: the volume is not empty`);
        await populate(this.#parts, context, volume, directory, '', async () =>
          unpackMembers(tar, 'the volume'),
        );
        return volume;
      });
    } catch (error) {
      // Nobody has heard of it yet, unless somebody was quick.
      if (isNew && !table.isUsed(name)) await this.#undo(context, name);
      throw error;
    }
  }

  async #undo(context: Context, name: string): Promise<void> {
    const { table, turns, local } = this.#parts;
    const volume = table.get(name);
    const inAnyCase = { ...context, signal: new AbortController().signal };
    await turns.run(name, () => local.remove(inAnyCase, name, () => table.delete(volume)));
    table.publish('destroy', volume);
  }

  /** In its turn, with its data at hand. */
  #holding<T>(
    context: Context,
    name: string,
    work: (volume: Volume, directory: string) => Promise<T>,
  ): Promise<T> {
    const { attachments, turns } = this.#parts;
    const user = `copy-${anonymousName()}`;
    return turns.run(name, async () => {
      const volume = this.#local(name);
      const directory = await attachments.attach(context, volume, user);
      try {
        return await work(volume, directory);
      } finally {
        await attachments.detach(context, volume, user);
      }
    });
  }

  /** Gone when disposed, unless it was put into a place by then. */
  /** `owner` is the volume whose content it will be: its limit is lifted meanwhile. */
  async #copy(
    context: Context,
    directory: string,
    owner?: Pick<Volume, 'name' | 'options'>,
  ): Promise<AsyncDisposable & { readonly path: string }> {
    const { local, trees, launcher } = this.#parts;
    const path = await (owner === undefined ? local.staging() : local.stagingFor(context, owner));
    const copy = { path, [Symbol.asyncDispose]: () => local.discard(path) };
    try {
      await copyTree(context, trees, launcher, directory, path);
      return copy;
    } catch (error) {
      await copy[Symbol.asyncDispose]();
      throw error;
    }
  }

  #local(name: string): Volume {
    const volume = this.#parts.table.get(name);
    if (volume.driver === LOCAL) return volume;
    throw new SampanError('unimplemented', `volume ${name} is kept by the plugin "${volume.driver}"`);
  }

  #checkFree(verb: string, name: string, newName: string): void {
    if (this.#parts.table.find(newName) === undefined) return;
    throw conflict(`${verb} ${name}: there is a volume "${newName}" already`);
  }

  #checkSnapshot(name: string, snapshot: string): void {
    if (this.#parts.rows.snapshots(name).some((one) => one.name === snapshot)) return;
    throw notFound(`volume ${name} has no snapshot "${snapshot}"`);
  }
}

function held(name: string): SampanError {
  return conflict(`restore ${name}: volume is in use by a running container`);
}

function onDevice(verb: string, name: string): SampanError {
  return new SampanError(
    'unimplemented',
    `${verb} ${name}: what lies on a device is not replaced as a whole`,
  );
}
