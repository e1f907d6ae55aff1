import type { Database } from 'bun:sqlite';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../base/context.ts';
import { conflict, notFound } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Volume, VolumeRequest, Volumes } from './contract.ts';
import { checkLocalOptions } from './local-options.ts';
import { anonymousName, checkVolumeName } from './volume-name.ts';

export interface LocalVolumesOptions {
  /** Absolute directory; a volume's data is `<root>/<name>/_data`. */
  readonly root: string;
  /** Open, with `volumesSchema` in it. */
  readonly database: Database;
  readonly events?: EventSink;
  /** IDs of the containers that use a volume: it cannot be removed then. */
  readonly usersOf?: (name: string) => readonly string[];
}

interface Row {
  readonly name: string;
  readonly driver: string;
  readonly labels: string;
  readonly options: string;
  readonly created: number;
  readonly anonymous: number;
}

const DRIVER = 'local';

/** Shown by `docker volume inspect`, and what `volume prune` goes by. */
const ANONYMOUS_LABEL = 'com.docker.volume.anonymous';

/** No volume's name starts like this. */
const TRASH = '.removing-';

/** Volumes as directories of this host, described in the database: the directory first, then the row, so that no row lacks one. */
export function createLocalVolumes(options: LocalVolumesOptions): Volumes {
  mkdirSync(options.root, { recursive: true, mode: 0o701 });
  removeTrash(options.root);
  return new LocalVolumes(options);
}

class LocalVolumes implements Volumes {
  readonly #options: LocalVolumesOptions;
  readonly #byName = new Map<string, Volume>();
  /** Volumes that are being made, so that two requests for one name get one volume. */
  readonly #making = new Map<string, Promise<Volume>>();

  constructor(options: LocalVolumesOptions) {
    this.#options = options;
    for (const row of options.database.query<Row, []>('SELECT * FROM volumes').all()) {
      this.#byName.set(row.name, decodeRow(options.root, row));
    }
  }

  async create(_context: Context, request: VolumeRequest): Promise<Volume> {
    if (request.name !== '') checkVolumeName(request.name);
    checkDriver(request);
    const existing = this.#byName.get(request.name) ?? this.#making.get(request.name);
    if (existing !== undefined) return existing;
    checkLocalOptions(request.name, request.options);
    const volume = describe(this.#options.root, request);
    const made = this.#make(volume).finally(() => this.#making.delete(volume.name));
    this.#making.set(volume.name, made);
    return made;
  }

  get(name: string): Volume {
    const volume = this.#byName.get(name);
    if (volume === undefined) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  list(): readonly Volume[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async remove(_context: Context, name: string): Promise<void> {
    const { database, root, usersOf } = this.#options;
    const volume = this.get(name);
    const users = usersOf?.(name) ?? [];
    if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
    this.#byName.delete(name);
    database.query<null, [string]>('DELETE FROM volumes WHERE name = ?').run(name);
    // Out of the way at once: a new volume of that name starts empty.
    const trash = join(root, `${TRASH}${anonymousName()}`);
    renameIfThere(join(root, name), trash);
    this.#publish('destroy', volume);
    await rm(trash, { recursive: true, force: true });
  }

  async #make(volume: Volume): Promise<Volume> {
    await mkdir(volume.mountpoint, { recursive: true, mode: 0o755 });
    insertRow(this.#options.database, volume);
    this.#byName.set(volume.name, volume);
    this.#publish('create', volume);
    return volume;
  }

  #publish(action: 'create' | 'destroy', { name, driver }: Volume): void {
    this.#options.events?.publish({ type: 'volume', action, id: name, attributes: { driver } });
  }
}

/** What a killed daemon was removing. */
function removeTrash(root: string): void {
  for (const name of readdirSync(root)) {
    if (name.startsWith(TRASH)) rmSync(join(root, name), { recursive: true, force: true });
  }
}

function renameIfThere(from: string, to: string): void {
  if (existsSync(from)) renameSync(from, to);
}

function checkDriver({ name, driver }: VolumeRequest): void {
  if (driver === '' || driver === DRIVER) return;
  throw notFound(`create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`);
}

function describe(root: string, { name: given, labels, options }: VolumeRequest): Volume {
  const anonymous = given === '';
  const name = anonymous ? anonymousName() : given;
  return {
    name,
    driver: DRIVER,
    mountpoint: join(root, name, '_data'),
    labels: anonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : labels,
    options,
    created: new Date(),
    anonymous,
  };
}

function insertRow(database: Database, volume: Volume): void {
  const { name, driver, labels, options, created, anonymous } = volume;
  database
    .query<null, [string, string, string, string, number, number]>(
      'INSERT INTO volumes (name, driver, labels, options, created, anonymous) VALUES (?, ?, ?, ?, ?, ?)',
    )
    .run(name, driver, JSON.stringify(labels), JSON.stringify(options), created.getTime(), anonymous ? 1 : 0);
}

/** Rows are written by this file alone, so their JSON is taken at its word. */
function decodeRow(root: string, row: Row): Volume {
  return {
    name: row.name,
    driver: row.driver,
    mountpoint: join(root, row.name, '_data'),
    labels: JSON.parse(row.labels),
    options: JSON.parse(row.options),
    created: new Date(row.created),
    anonymous: row.anonymous === 1,
  };
}
