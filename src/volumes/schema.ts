import type { Schema } from '../base/database.ts';

/** One row per volume: labels, options and what made it; the data is a directory of the same name. */
export const volumesSchema: Schema = {
  name: 'volumes',
  migrations: [
    `CREATE TABLE volumes (
       name TEXT PRIMARY KEY,
       driver TEXT NOT NULL,
       labels TEXT NOT NULL,
       options TEXT NOT NULL,
       created INTEGER NOT NULL,
       anonymous INTEGER NOT NULL
     ) WITHOUT ROWID`,
  ],
};
