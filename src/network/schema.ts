import type { Schema } from '../base/database.ts';

/** Networks by name. `created` is ISO text; `config` the rest as JSON of NetworkConfig. Endpoints are kept with their containers. */
export const networkSchema: Schema = {
  name: 'networks',
  migrations: [
    `CREATE TABLE networks (
       id TEXT PRIMARY KEY,
       name TEXT NOT NULL UNIQUE,
       driver TEXT NOT NULL,
       created TEXT NOT NULL
     ) WITHOUT ROWID`,
    `ALTER TABLE networks ADD COLUMN config TEXT NOT NULL DEFAULT ''`,
  ],
};
