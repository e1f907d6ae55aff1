import type { Schema } from '../base/database.ts';

/** What the engine knows of images beyond their bytes, which are content: `id` is the digest of the configuration's blob. Layer sizes are a JSON list of bytes, times ISO text. */
export const imagesSchema: Schema = {
  name: 'images',
  migrations: [
    `CREATE TABLE images (
       id TEXT PRIMARY KEY,
       layer_sizes TEXT NOT NULL,
       parent TEXT,
       manifest TEXT,
       last_tagged TEXT
     );
     CREATE TABLE image_references (
       reference TEXT PRIMARY KEY,
       image TEXT NOT NULL REFERENCES images (id)
     )`,
  ],
};
