import type { Schema } from '../base/database.ts';

/** What builds made, by key; `layers` and `parents` are JSON lists, times milliseconds since the epoch. Cache mounts by their ID, downloads and checkouts by theirs. */
export const buildSchema: Schema = {
  name: 'build',
  migrations: [
    `CREATE TABLE build_steps (
       key TEXT PRIMARY KEY,
       layers TEXT NOT NULL,
       parents TEXT NOT NULL,
       description TEXT NOT NULL,
       type TEXT NOT NULL,
       size INTEGER NOT NULL,
       created INTEGER NOT NULL,
       last_used INTEGER,
       uses INTEGER NOT NULL
     );
     CREATE TABLE cache_mounts (
       id TEXT PRIMARY KEY,
       directory TEXT NOT NULL UNIQUE,
       created INTEGER NOT NULL,
       last_used INTEGER,
       uses INTEGER NOT NULL
     )`,
    `CREATE TABLE build_sources (
       id TEXT PRIMARY KEY,
       type TEXT NOT NULL,
       description TEXT NOT NULL,
       facts TEXT NOT NULL,
       size INTEGER NOT NULL,
       created INTEGER NOT NULL,
       last_used INTEGER,
       uses INTEGER NOT NULL
     )`,
  ],
};
