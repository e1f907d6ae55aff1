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
    // Of a volume that is being given its first content: the directory in it, "" for the whole.
    `ALTER TABLE volumes ADD COLUMN filling TEXT`,
    // Quota projects that limit volumes' sizes; a number is never given again.
    `CREATE TABLE volume_projects (number INTEGER PRIMARY KEY AUTOINCREMENT, volume TEXT NOT NULL UNIQUE)`,
    // As a plugin told them.
    `ALTER TABLE volumes ADD COLUMN mountpoint TEXT NOT NULL DEFAULT ''`,
    `ALTER TABLE volumes ADD COLUMN scope TEXT NOT NULL DEFAULT 'local'`,
    `CREATE TABLE volume_snapshots (
       volume TEXT NOT NULL,
       name TEXT NOT NULL,
       created INTEGER NOT NULL,
       PRIMARY KEY (volume, name)
     ) WITHOUT ROWID`,
    // Renames that were begun: directory and row change names one after the other.
    `CREATE TABLE volume_renames (name TEXT PRIMARY KEY, new_name TEXT NOT NULL) WITHOUT ROWID`,
  ],
};
