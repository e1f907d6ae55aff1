import type { Database } from 'bun:sqlite';
import type { Context } from '../base/context.ts';
import { conflict, SampanError } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Launcher } from '../plan/contract.ts';
import type { Trees } from '../runtime/trees/contract.ts';
import { Attachments } from './attachments.ts';
import type { Volume, VolumeRequest, VolumeSnapshot, Volumes } from './contract.ts';
import { Copies } from './copies.ts';
import type { VolumeDriver } from './driver.ts';
import type { Drivers } from './drivers.ts';
import { LOCAL, LocalDriver } from './local/local-driver.ts';
import { parseLocalOptions } from './local/options.ts';
import { PluginDrivers } from './plugins/plugin-drivers.ts';
import { type Content, emptyHalfFilled, type PopulateParts, populate } from './populate.ts';
import { VolumeRows } from './rows.ts';
import { VolumeTable } from './table.ts';
import { Turns } from './turns.ts';
import { anonymousName, checkVolumeName } from './volume-name.ts';

export interface VolumesOptions {
  /** Absolute directory of the local driver. */
  readonly root: string;
  /** Open, with `volumesSchema` in it. */
  readonly database: Database;
  readonly launcher: Launcher;
  readonly trees: Trees;
  readonly events?: EventSink;
  /** IDs of the containers that have a volume: it cannot be removed then. */
  readonly usersOf?: (name: string) => readonly string[];
  /** Where plugins' sockets, and the files that tell where plugins listen, are looked for; Docker's places by default. */
  readonly pluginDirectories?: readonly string[];
}

/** Shown by `docker volume inspect`, and what `volume prune` goes by. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** Who has a volume while it is given its first content. */
const FILLER = 'sampan-populate';

/** Volumes of the local driver and of plugins, described in the database: the data first, then the row, so that no row lacks them. */
export function createVolumes(options: VolumesOptions): Volumes {
  const rows = new VolumeRows(options.database);
  const local = new LocalDriver(options.root, options.launcher, (name) => rows.project(name));
  const plugins = new PluginDrivers(options.pluginDirectories);
  const { trees, launcher, events, usersOf = () => [] } = options;
  const drivers: Drivers = {
    local,
    find: async (context, driver) =>
      driver === '' || driver === LOCAL ? local : await plugins.find(context, driver),
    active: () => plugins.active(),
  };
  const table = new VolumeTable({ rows, local, events, usersOf });
  return new VolumeService(drivers, { table, rows, local, trees, launcher });
}

interface ServiceParts extends PopulateParts {
  readonly launcher: Launcher;
}

class VolumeService implements Volumes {
  readonly #drivers: Drivers;
  readonly #parts: PopulateParts;
  readonly #table: VolumeTable;
  /** Whatever changes a volume has its turn. */
  readonly #turns = new Turns();
  readonly #attachments: Attachments;
  readonly #copies: Copies;

  constructor(drivers: Drivers, parts: ServiceParts) {
    this.#drivers = drivers;
    this.#parts = parts;
    this.#table = parts.table;
    this.#attachments = new Attachments(parts.table, drivers, this.#turns);
    const attachments = this.#attachments;
    const create = (context: Context, request: VolumeRequest) => this.create(context, request);
    const add = (request: VolumeRequest, mountpoint: string) =>
      this.#add(request, mountpoint, drivers.local.scope, false);
    this.#copies = new Copies({ ...parts, attachments, turns: this.#turns, create, add });
  }

  async create(context: Context, request: VolumeRequest): Promise<Volume> {
    if (request.name !== '' && isLocal(request.driver)) checkVolumeName(request.name);
    if (request.name === '' && isLocal(request.driver)) parseLocalOptions('', request.options);
    const anonymous = request.name === '';
    const name = anonymous ? anonymousName() : request.name;
    return (
      this.#existing(request) ??
      this.#turns.run(
        name,
        async () => this.#existing(request) ?? (await this.#make(context, { ...request, name }, anonymous)),
      )
    );
  }

  get(name: string): Volume {
    return this.#table.get(name);
  }

  list(): readonly Volume[] {
    return this.#table.list();
  }

  async status(context: Context, name: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const volume = this.#table.get(name);
    if (volume.driver === LOCAL) return undefined;
    const driver = await this.#drivers.find(context, volume.driver);
    return driver.status(context, name);
  }

  async discover(context: Context): Promise<readonly string[]> {
    const lists = await Promise.all(
      this.#drivers.active().map(async (driver) => ({ driver, found: await driver.list(context) })),
    );
    for (const { driver, found } of lists) {
      if ('warning' in found) continue;
      for (const { name, mountpoint } of found) this.#takeUp(driver, name, mountpoint);
    }
    return lists.flatMap(({ found }) => ('warning' in found ? [found.warning] : []));
  }

  remove(context: Context, name: string, { force } = { force: false }): Promise<void> {
    return this.#turns.run(name, async () => {
      const volume = this.#table.get(name);
      this.#table.checkUnused('remove', name);
      if (this.#attachments.isHeld(name)) throw conflict(`remove ${name}: volume is in use`);
      const forget = () => this.#table.delete(volume);
      if (volume.driver === LOCAL) await this.#drivers.local.remove(context, name, forget);
      else {
        await this.#removeByDriver(context, volume, force);
        forget();
      }
      this.#table.publish('destroy', volume);
    });
  }

  pruned(bytes: number): void {
    this.#table.publishPrune(bytes);
  }

  reserve(name: string): Disposable {
    return this.#table.reserve(name);
  }

  acquire(context: Context, name: string, user: string): Promise<string> {
    return this.#attachments.acquire(context, name, user);
  }

  release(context: Context, name: string, user: string): Promise<void> {
    return this.#attachments.release(context, name, user);
  }

  resume(name: string, user: string): void {
    this.#attachments.resume(name, user);
  }

  async settle(context: Context): Promise<void> {
    await this.#attachments.settle(context);
    await emptyHalfFilled(this.#parts);
    await this.#copies.limitAgain(context);
  }

  async populate(context: Context, name: string, subpath: string, content: Content): Promise<void> {
    await this.#turns.run(name, async () => {
      const volume = this.#table.get(name);
      const directory = await this.#attachments.attach(context, volume, FILLER);
      try {
        await populate(this.#parts, context, volume, directory, subpath, content);
      } finally {
        await this.#attachments.detach(context, volume, FILLER);
      }
    });
  }

  rename(_context: Context, name: string, newName: string): Promise<Volume> {
    return this.#copies.rename(name, newName);
  }

  clone(context: Context, name: string, newName: string): Promise<Volume> {
    return this.#copies.clone(context, name, newName);
  }

  snapshots(name: string): readonly VolumeSnapshot[] {
    return this.#copies.snapshots(name);
  }

  snapshot(context: Context, name: string, snapshot: string): Promise<VolumeSnapshot> {
    return this.#copies.snapshot(context, name, snapshot);
  }

  restore(context: Context, name: string, snapshot: string): Promise<void> {
    return this.#copies.restore(context, name, snapshot);
  }

  removeSnapshot(_context: Context, name: string, snapshot: string): Promise<void> {
    return this.#copies.removeSnapshot(name, snapshot);
  }

  export(context: Context, name: string): Promise<AsyncIterable<Uint8Array>> {
    return this.#copies.export(context, name);
  }

  import(context: Context, name: string, tar: AsyncIterable<Uint8Array>): Promise<Volume> {
    return this.#copies.import(context, name, tar);
  }

  #existing({ name, driver }: VolumeRequest): Volume | undefined {
    const volume = this.#table.find(name);
    if (volume === undefined || driver === '' || driver === volume.driver) return volume;
    throw conflict(
      `create ${name}: driver '${volume.driver}' already has volume '${name}': volume name must be unique`,
    );
  }

  async #make(
    context: Context,
    { name, driver: wanted, labels, options }: VolumeRequest,
    anonymous: boolean,
  ): Promise<Volume> {
    const driver = await this.#driverFor(context, anonymous ? '' : name, wanted);
    const mountpoint = await driver.create(context, name, options, labels);
    const marked = anonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : labels;
    return this.#add(
      { name, driver: driver.name, labels: marked, options },
      mountpoint,
      driver.scope,
      anonymous,
    );
  }

  #add(request: VolumeRequest, mountpoint: string, scope: string, anonymous: boolean): Volume {
    const volume: Volume = { ...request, mountpoint, created: new Date(), scope, anonymous };
    this.#table.add(volume);
    this.#table.publish('create', volume);
    return volume;
  }

  async #driverFor(context: Context, name: string, driver: string): Promise<VolumeDriver> {
    try {
      return await this.#drivers.find(context, driver);
    } catch (error) {
      if (!(error instanceof SampanError)) throw error;
      throw new SampanError(error.code, `create ${name}: ${error.message}`, { cause: error });
    }
  }

  async #removeByDriver(context: Context, { name, driver }: Volume, force: boolean): Promise<void> {
    try {
      await (await this.#drivers.find(context, driver)).remove(context, name);
    } catch (error) {
      if (!force) throw error;
    }
  }

  #takeUp(driver: VolumeDriver, name: string, mountpoint: string): void {
    if (this.#table.find(name) !== undefined) return;
    const kept = { labels: {}, options: {}, created: new Date(), anonymous: false };
    this.#table.add({ name, driver: driver.name, mountpoint, scope: driver.scope, ...kept });
  }
}

function isLocal(driver: string): boolean {
  return driver === '' || driver === LOCAL;
}
