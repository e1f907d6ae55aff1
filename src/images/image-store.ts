import type { Database } from 'bun:sqlite';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image.ts';
import { MAX_CONFIG_BYTES, parseImageConfig } from './config.ts';

/** One image as it is stored. */
export interface ImageRecord {
  readonly id: Digest;
  readonly config: ImageConfig;
  /** Of each layer's tar, bottom first, bytes. */
  readonly layerSizes: readonly number[];
  readonly parent: Digest | undefined;
  readonly manifest: Digest | undefined;
  readonly lastTagged: Date | undefined;
}

interface Row {
  readonly id: Digest;
  readonly layer_sizes: string;
  readonly parent: Digest | null;
  readonly manifest: Digest | null;
  readonly last_tagged: string | null;
}

/** Images and their references: a working set in memory over the database's rows. References are in normalised form. */
export class ImageStore {
  readonly #database: Database;
  readonly #records = new Map<Digest, ImageRecord>();
  readonly #references = new Map<string, Digest>();
  readonly #referencesOf = new Map<Digest, Set<string>>();
  /** How many images were made from each. */
  readonly #children = new Map<Digest, number>();

  private constructor(database: Database) {
    this.#database = database;
  }

  /** Reads all rows. An image whose configuration is not in the content store any more is forgotten. */
  static async open(database: Database, content: ContentStore): Promise<ImageStore> {
    const store = new ImageStore(database);
    for (const row of database.query<Row, []>('SELECT * FROM images').all()) {
      if ((await content.stat(row.id)) === undefined) {
        store.#deleteRows(row.id);
        continue;
      }
      const config = parseImageConfig(await content.readAll(row.id, MAX_CONFIG_BYTES));
      store.#remember(recordOf(row, config));
    }
    const references = database.query<{ reference: string; image: Digest }, []>(
      'SELECT * FROM image_references',
    );
    for (const row of references.all()) store.#point(row.reference, row.image);
    return store;
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#records.get(id);
  }

  all(): IterableIterator<ImageRecord> {
    return this.#records.values();
  }

  /** The image that a normalised reference names. */
  resolve(reference: string): ImageRecord | undefined {
    const id = this.#references.get(reference);
    return id === undefined ? undefined : this.#records.get(id);
  }

  /** Normalised references of an image, sorted. */
  referencesOf(id: Digest): string[] {
    return [...(this.#referencesOf.get(id) ?? [])].sort();
  }

  /** Whether any image was made from this one. */
  hasChildren(id: Digest): boolean {
    return this.#children.has(id);
  }

  /** All normalised references. */
  references(): IterableIterator<string> {
    return this.#references.keys();
  }

  /** Adds an image; one that is there already keeps its row. */
  add(record: ImageRecord): void {
    if (this.#records.has(record.id)) return;
    this.#database
      .query('INSERT INTO images (id, layer_sizes, parent, manifest, last_tagged) VALUES (?, ?, ?, ?, ?)')
      .run(
        record.id,
        JSON.stringify(record.layerSizes),
        record.parent ?? null,
        record.manifest ?? null,
        null,
      );
    this.#remember(record);
  }

  /** Notes the manifest that an image came with last. */
  setManifest(id: Digest, manifest: Digest): void {
    this.#database.query('UPDATE images SET manifest = ? WHERE id = ?').run(manifest, id);
    const record = this.#records.get(id);
    if (record !== undefined) this.#records.set(id, { ...record, manifest });
  }

  /** Points a reference at an image, and returns the one that it pointed at before. */
  setReference(reference: string, id: Digest): ImageRecord | undefined {
    const previous = this.resolve(reference);
    const now = new Date();
    this.#database.transaction(() => {
      this.#database
        .query('INSERT OR REPLACE INTO image_references (reference, image) VALUES (?, ?)')
        .run(reference, id);
      this.#database.query('UPDATE images SET last_tagged = ? WHERE id = ?').run(now.toISOString(), id);
    })();
    this.#point(reference, id);
    const record = this.#records.get(id);
    if (record !== undefined) this.#records.set(id, { ...record, lastTagged: now });
    return previous;
  }

  removeReference(reference: string): void {
    this.#database.query('DELETE FROM image_references WHERE reference = ?').run(reference);
    this.#unpoint(reference);
  }

  /** Forgets an image and its references. */
  remove(id: Digest): void {
    this.#deleteRows(id);
    this.#countChild(this.#records.get(id)?.parent, -1);
    this.#records.delete(id);
    for (const reference of this.referencesOf(id)) this.#unpoint(reference);
  }

  #remember(record: ImageRecord): void {
    this.#records.set(record.id, record);
    this.#countChild(record.parent, 1);
  }

  #countChild(parent: Digest | undefined, by: 1 | -1): void {
    if (parent === undefined) return;
    const count = (this.#children.get(parent) ?? 0) + by;
    if (count > 0) this.#children.set(parent, count);
    else this.#children.delete(parent);
  }

  #point(reference: string, id: Digest): void {
    this.#unpoint(reference);
    this.#references.set(reference, id);
    const own = this.#referencesOf.get(id);
    if (own === undefined) this.#referencesOf.set(id, new Set([reference]));
    else own.add(reference);
  }

  #unpoint(reference: string): void {
    const id = this.#references.get(reference);
    if (id === undefined) return;
    this.#references.delete(reference);
    const left = this.#referencesOf.get(id);
    left?.delete(reference);
    if (left?.size === 0) this.#referencesOf.delete(id);
  }

  #deleteRows(id: Digest): void {
    this.#database.transaction(() => {
      this.#database.query('DELETE FROM image_references WHERE image = ?').run(id);
      this.#database.query('DELETE FROM images WHERE id = ?').run(id);
    })();
  }
}

function recordOf(row: Row, config: ImageConfig): ImageRecord {
  return {
    id: row.id,
    config,
    layerSizes: JSON.parse(row.layer_sizes),
    parent: row.parent ?? undefined,
    manifest: row.manifest ?? undefined,
    lastTagged: row.last_tagged === null ? undefined : new Date(row.last_tagged),
  };
}
