import type { Database } from 'bun:sqlite';
import { randomBytes } from 'node:crypto';

/** What outlives the daemon of a network. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly created: Date;
}

type Row = { readonly id: string; readonly name: string; readonly driver: string; readonly created: string };

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
    return { ...row, created: new Date(row.created) };
  };
  return database.transaction(() => ({ bridge: load('bridge'), host: load('host'), none: load('none') }))();
}

/** 64 hex digits. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}
