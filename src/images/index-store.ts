import type { Database } from 'bun:sqlite';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';

/** An index (or Docker's manifest list) whose document is here, whether all that it names is here or not. */
export interface IndexRecord {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of the document, bytes. */
  readonly size: number;
  /** In the document's order. */
  readonly manifests: readonly IndexedManifest[];
}

/** A manifest as an index names it, and what was found in it. */
export interface IndexedManifest {
  readonly descriptor: Descriptor;
  readonly kind: 'image' | 'attestation' | 'unknown';
  /** Of an image: its ID, known once the manifest has been here. The image itself may have gone. */
  readonly image: Digest | undefined;
  /** Of anything else: its configuration and layers, when the manifest and all of them are here. */
  readonly blobs: readonly Digest[] | undefined;
}

interface Row {
  readonly digest: Digest;
  readonly media_type: string;
  readonly size: number;
  readonly manifests: string;
}

/** Indexes: a working set in memory over the database's rows. */
export class IndexStore {
  readonly #database: Database;
  readonly #records = new Map<Digest, IndexRecord>();
  /** By the images that they name. */
  readonly #having = new Map<Digest, Set<Digest>>();

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Reads all rows. An index whose document is not in the content store any more is forgotten. */
  static async open(database: Database, content: ContentStore): Promise<IndexStore> {
    const store = new IndexStore(database);
    for (const row of database.query<Row, []>('SELECT * FROM image_indexes').all()) {
      const { digest, size, media_type: mediaType } = row;
      if ((await content.stat(digest)) === undefined) store.remove(digest);
      else store.#remember({ digest, size, mediaType, manifests: JSON.parse(row.manifests) });
    }
    return store;
  }

  get(digest: Digest): IndexRecord | undefined {
    return this.#records.get(digest);
  }

  all(): IterableIterator<IndexRecord> {
    return this.#records.values();
  }

  /** Those that name an image. */
  *having(image: Digest): Generator<IndexRecord, void, void> {
    for (const digest of this.#having.get(image) ?? []) {
      const record = this.#records.get(digest);
      if (record !== undefined) yield record;
    }
  }

  /** Enters an index, or what has become known of it. */
  put(record: IndexRecord): void {
    const { digest, mediaType, size, manifests } = record;
    this.#database
      .query('INSERT OR REPLACE INTO image_indexes (digest, media_type, size, manifests) VALUES (?, ?, ?, ?)')
      .run(digest, mediaType, size, JSON.stringify(manifests));
    this.#forget(digest);
    this.#remember(record);
  }

  remove(digest: Digest): void {
    this.#database.query('DELETE FROM image_indexes WHERE digest = ?').run(digest);
    this.#forget(digest);
  }

  #remember(record: IndexRecord): void {
    this.#records.set(record.digest, record);
    for (const { image } of record.manifests) {
      if (image === undefined) continue;
      const own = this.#having.get(image) ?? new Set();
      this.#having.set(image, own.add(record.digest));
    }
  }

  #forget(digest: Digest): void {
    for (const { image } of this.#records.get(digest)?.manifests ?? []) {
      if (image === undefined) continue;
      const own = this.#having.get(image);
      own?.delete(digest);
      if (own?.size === 0) this.#having.delete(image);
    }
    this.#records.delete(digest);
  }
}

/** Digests of the index, of the manifests in it, and of what is kept for it alone. */
export function blobsOfIndex({ digest, manifests }: IndexRecord): Digest[] {
  return [digest, ...manifests.flatMap(({ descriptor, blobs }) => [descriptor.digest, ...(blobs ?? [])])];
}
