import type { Database } from 'bun:sqlite';
import type { Container } from './contract.ts';
import { plainMount, type StoredMount } from './mounts/stored-mount.ts';
import { type Entry, type Flags, type Identity, initialFlags, type Situation } from './record.ts';

/** What a row says. */
export interface StoredContainer {
  readonly container: Container;
  readonly flags: Flags;
  readonly mounts: readonly StoredMount[];
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly identity: string;
  readonly state: string;
}

/** The rows of `containersSchema`. Each call is one small transaction, without an fsync of its own. */
export interface ContainerStore {
  load(): readonly StoredContainer[];
  insert(entry: Entry): void;
  saveState(entry: Entry): void;
  /** After an update changed what create decided. */
  saveIdentity(entry: Entry): void;
  /** Both of these at once. */
  save(entry: Entry): void;
  saveName(entry: Entry): void;
  delete(id: string): void;
}

export function createContainerStore(database: Database): ContainerStore {
  const all = database.query<Row, []>('SELECT id, name, identity, state FROM containers');
  const insert = database.query<null, [string, string, string, string]>(
    'INSERT INTO containers (id, name, identity, state) VALUES (?, ?, ?, ?)',
  );
  const setState = database.query<null, [string, string]>('UPDATE containers SET state = ? WHERE id = ?');
  const setIdentity = database.query<null, [string, string]>(
    'UPDATE containers SET identity = ? WHERE id = ?',
  );
  const setBoth = database.query<null, [string, string, string]>(
    'UPDATE containers SET identity = ?, state = ? WHERE id = ?',
  );
  const setName = database.query<null, [string, string]>('UPDATE containers SET name = ? WHERE id = ?');
  const remove = database.query<null, [string]>('DELETE FROM containers WHERE id = ?');
  return {
    load: () => all.all().map(decodeRow),
    insert: (entry) => {
      insert.run(entry.id, entry.container.name, encodeIdentity(entry), encodeSituation(entry));
    },
    saveState: (entry) => {
      setState.run(encodeSituation(entry), entry.id);
    },
    saveIdentity: (entry) => {
      setIdentity.run(encodeIdentity(entry), entry.id);
    },
    save: (entry) => {
      setBoth.run(encodeIdentity(entry), encodeSituation(entry), entry.id);
    },
    saveName: (entry) => {
      setName.run(entry.container.name, entry.id);
    },
    delete: (id) => {
      remove.run(id);
    },
  };
}

function encodeIdentity({ container, mounts }: Entry): string {
  const { imageId, platform, path, args, config, hostConfig, networking, driver, driverData } = container;
  const identity: Identity = {
    imageId,
    platform,
    path,
    args,
    config,
    hostConfig,
    networking,
    driver,
    driverData,
    createdNano: container.createdNano.toString(),
    mounts,
  };
  return JSON.stringify(identity);
}

function encodeSituation({ container, flags }: Entry): string {
  const { state, restartCount, networks, files } = container;
  const situation: Situation = { state, restartCount, networks, files, ...flags };
  return JSON.stringify(situation);
}

/** Rows are written by this file alone, so their JSON is taken at its word. */
function decodeRow(row: Row): StoredContainer {
  const { createdNano, mounts: stored, ...identity }: Identity = JSON.parse(row.identity);
  // Older rows lack what came later.
  const mounts = stored.map((mount) => ({ ...plainMount, ...mount }));
  const { state, restartCount, networks, files, ...flags }: Situation = JSON.parse(row.state);
  const nano = BigInt(createdNano);
  return {
    container: {
      id: row.id,
      name: row.name,
      created: new Date(Number(nano / 1_000_000n)),
      createdNano: nano,
      ...identity,
      state,
      restartCount,
      networks,
      files,
      mounts: mounts.map((mount) => mount.point),
      execIds: [],
    },
    flags: { ...initialFlags, ...flags },
    mounts,
  };
}
