import type { Database } from 'bun:sqlite';
import type { Digest } from '../oci/digest.ts';

/** A layer as it is stored in registries and OCI layouts: its tar, compressed or not. */
export interface LayerForm {
  /** Of the form's bytes. */
  readonly digest: Digest;
  /** Of the tar. */
  readonly diffId: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Which compressed forms of layers are known, and in which repositories blobs were seen. A form that is known need not be here as a blob:
 * what it says stays true, and saves compressing and uploading a layer again.
 */
export class LayerForms {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(digest: Digest): LayerForm | undefined {
    return this.#query('WHERE digest = ?', digest)[0];
  }

  of(diffId: Digest): readonly LayerForm[] {
    return this.#query('WHERE diff_id = ? ORDER BY digest', diffId);
  }

  add({ digest, diffId, mediaType, size }: LayerForm): void {
    this.#database
      .query('INSERT OR REPLACE INTO layer_forms (digest, diff_id, media_type, size) VALUES (?, ?, ?, ?)')
      .run(digest, diffId, mediaType, size);
  }

  /** Forgets all forms of a layer, and where they were seen. */
  removeOf(diffId: Digest): void {
    this.#database.transaction(() => {
      this.#database
        .query('DELETE FROM blob_places WHERE digest IN (SELECT digest FROM layer_forms WHERE diff_id = ?)')
        .run(diffId);
      this.#database.query('DELETE FROM layer_forms WHERE diff_id = ?').run(diffId);
    })();
  }

  /** Repositories ("host/path") that had a blob when it was last pulled or pushed. */
  placesOf(digest: Digest): readonly string[] {
    return this.#database
      .query<{ repository: string }, [Digest]>('SELECT repository FROM blob_places WHERE digest = ?')
      .all(digest)
      .map(({ repository }) => repository);
  }

  addPlace(digest: Digest, repository: string): void {
    this.#database
      .query('INSERT OR IGNORE INTO blob_places (digest, repository) VALUES (?, ?)')
      .run(digest, repository);
  }

  removePlace(digest: Digest, repository: string): void {
    this.#database
      .query('DELETE FROM blob_places WHERE digest = ? AND repository = ?')
      .run(digest, repository);
  }

  #query(condition: string, digest: Digest): LayerForm[] {
    return this.#database
      .query<LayerForm, [Digest]>(
        `SELECT digest, diff_id AS diffId, media_type AS mediaType, size FROM layer_forms ${condition}`,
      )
      .all(digest);
  }
}
