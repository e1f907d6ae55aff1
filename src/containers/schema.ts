import type { Schema } from '../base/database.ts';

/**
 * One row per container: `identity` is what create decided (JSON of Identity, rewritten by update only), `state` what
 * changes as it runs (JSON of Situation). The working set is in memory; rows are for the next daemon.
 */
export const containersSchema: Schema = {
  name: 'containers',
  migrations: [
    `CREATE TABLE containers (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       identity TEXT NOT NULL,
       state TEXT NOT NULL
     ) WITHOUT ROWID`,
  ],
};
