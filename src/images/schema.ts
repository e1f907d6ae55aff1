import type { Schema } from '../base/database.ts';

/** What the engine knows of images beyond their bytes, which are content: `id` is the digest of the configuration's blob. Layer sizes are a JSON list of bytes, an index's manifests one of `IndexedManifest`, times ISO text. A name that stands for an index has the image that it finds here as well. */
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
    `CREATE TABLE layer_forms (
       digest TEXT PRIMARY KEY,
       diff_id TEXT NOT NULL,
       media_type TEXT NOT NULL,
       size INTEGER NOT NULL
     );
     CREATE INDEX layer_forms_of ON layer_forms (diff_id);
     CREATE TABLE blob_places (
       digest TEXT NOT NULL,
       repository TEXT NOT NULL,
       PRIMARY KEY (digest, repository)
     ) WITHOUT ROWID`,
    `CREATE TABLE image_indexes (
       digest TEXT PRIMARY KEY,
       media_type TEXT NOT NULL,
       size INTEGER NOT NULL,
       manifests TEXT NOT NULL
     );
     ALTER TABLE image_references ADD COLUMN image_index TEXT`,
  ],
};
