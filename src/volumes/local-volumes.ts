import type { Database } from 'bun:sqlite';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
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
  const { database, root } = options;
  mkdirSync(root, { recursive: true, mode: 0o701 });
  removeTrash(root);
  const byName = new Map<string, Volume>();
  for (const row of database.query<Row, []>('SELECT * FROM volumes').all()) {
    byName.set(row.name, decodeRow(root, row));
  }
  const insert = database.query<null, [string, string, string, string, number, number]>(
    'INSERT INTO volumes (name, driver, labels, options, created, anonymous) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const forget = database.query<null, [string]>('DELETE FROM volumes WHERE name = ?');
  /** Volumes that are being made, so that two requests for one name get one volume. */
  const making = new Map<string, Promise<Volume>>();

  const publish = (action: string, volume: Volume): void => {
    options.events?.publish({
      type: 'volume',
      action,
      id: volume.name,
      attributes: { driver: volume.driver },
    });
  };

  const make = async (volume: Volume): Promise<Volume> => {
    await mkdir(volume.mountpoint, { recursive: true, mode: 0o755 });
    const { name, driver, labels, options: own, created, anonymous } = volume;
    insert.run(
      name,
      driver,
      JSON.stringify(labels),
      JSON.stringify(own),
      created.getTime(),
      anonymous ? 1 : 0,
    );
    byName.set(name, volume);
    publish('create', volume);
    return volume;
  };

  return {
    async create(_context, request) {
      if (request.name !== '') checkVolumeName(request.name);
      checkDriver(request);
      const existing = byName.get(request.name) ?? making.get(request.name);
      if (existing !== undefined) return existing;
      checkLocalOptions(request.name, request.options);
      const volume = describe(root, request);
      const made = make(volume).finally(() => making.delete(volume.name));
      making.set(volume.name, made);
      return made;
    },
    get(name) {
      const volume = byName.get(name);
      if (volume === undefined) throw notFound(`get ${name}: no such volume`);
      return volume;
    },
    list: () => [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    async remove(_context, name) {
      const volume = byName.get(name);
      if (volume === undefined) throw notFound(`get ${name}: no such volume`);
      const users = options.usersOf?.(name) ?? [];
      if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
      byName.delete(name);
      forget.run(name);
      // Out of the way at once: a new volume of that name starts empty.
      const trash = join(root, `${TRASH}${anonymousName()}`);
      renameIfThere(join(root, name), trash);
      publish('destroy', volume);
      await rm(trash, { recursive: true, force: true });
    },
  };
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
