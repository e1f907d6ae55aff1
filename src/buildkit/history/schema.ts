import type { Schema } from '../../base/database.ts';

/** Builds that have ended: `record` is a BuildRecord, `blobs` the JSON list of what belongs to it alone, `created` in milliseconds since the epoch. */
export const historySchema: Schema = {
  name: 'build_history',
  migrations: [
    `CREATE TABLE build_records (
       ref TEXT PRIMARY KEY,
       created INTEGER NOT NULL,
       pinned INTEGER NOT NULL,
       blobs TEXT NOT NULL,
       record BLOB NOT NULL
     );
     CREATE INDEX build_records_created ON build_records (created)`,
  ],
};
