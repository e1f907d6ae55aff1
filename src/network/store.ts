import type { Database } from 'bun:sqlite';
import { randomBytes } from 'node:crypto';
import { type Network, predefinedNetworks } from './contract.ts';

/** What outlives the daemon of a predefined network. */
export type NetworkRecord = Pick<Network, 'id' | 'name' | 'driver' | 'created'>;

/** What a row says of a network that somebody made, beside that. */
type NetworkConfig = Omit<Network, keyof NetworkRecord | 'scope'>;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly created: string;
  readonly config: string;
}

const predefined = [
  { name: 'bridge', driver: 'bridge' },
  { name: 'host', driver: 'host' },
  { name: 'none', driver: 'null' },
] as const;

export type PredefinedName = (typeof predefined)[number]['name'];

/** The networks that are always there, made at the first start: their IDs never change after. */
export function loadPredefined(database: Database): Readonly<Record<PredefinedName, NetworkRecord>> {
  const insert = database.query<Row, [string, string, string, string]>(
    `INSERT INTO networks (id, name, driver, created) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET driver = excluded.driver RETURNING *`,
  );
  const load = (name: PredefinedName): NetworkRecord => {
    const driver = predefined.find((network) => network.name === name)?.driver ?? name;
    const row = insert.get(newId(), name, driver, new Date().toISOString());
    if (row === null) throw new Error(`the networks table has no row for ${name}`);
    return { id: row.id, name: row.name, driver: row.driver, created: new Date(row.created) };
  };
  return database.transaction(() => ({ bridge: load('bridge'), host: load('host'), none: load('none') }))();
}

/** The rows of networks that somebody made. */
export interface NetworkStore {
  load(): readonly Network[];
  insert(network: Network): void;
  delete(id: string): void;
}

export function createNetworkStore(database: Database): NetworkStore {
  const all = database.query<Row, []>('SELECT * FROM networks');
  const insert = database.query<null, [string, string, string, string, string]>(
    'INSERT INTO networks (id, name, driver, created, config) VALUES (?, ?, ?, ?, ?)',
  );
  const remove = database.query<null, [string]>('DELETE FROM networks WHERE id = ?');
  return {
    load: () =>
      all
        .all()
        .filter(({ name }) => !predefinedNetworks.has(name))
        .map(decodeRow)
        .sort((a, b) => a.created.getTime() - b.created.getTime()),
    insert: ({ id, name, driver, created, scope: _, ...config }) => {
      insert.run(id, name, driver, created.toISOString(), JSON.stringify(config satisfies NetworkConfig));
    },
    delete: (id) => {
      remove.run(id);
    },
  };
}

/** Rows are written by this file alone, so their JSON is taken at its word. */
function decodeRow({ id, name, driver, created, config }: Row): Network {
  const rest: NetworkConfig = JSON.parse(config);
  return { id, name, driver, created: new Date(created), scope: 'local', ...rest };
}

/** 64 hex digits. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}
