import type { Database } from 'bun:sqlite';
import { notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { ImageConfig, Platform } from '../oci/image.ts';
import { hostPlatform, platformFit } from '../oci/platform.ts';
import { MAX_CONFIG_BYTES, parseImageConfig, platformOf } from './config.ts';
import { type IndexRecord, IndexStore } from './index-store.ts';
import { ReferenceMaps } from './reference-maps.ts';

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

interface ReferenceRow {
  readonly reference: string;
  readonly image: Digest;
  readonly image_index: Digest | null;
}

/**
 * Images and their references: a working set in memory over the database's rows. References are in normalised form. One that stands for
 * an index finds the index's image that suits this host best, its *face*, or one of the others when another platform is asked for.
 */
export class ImageStore {
  readonly indexes: IndexStore;
  readonly #database: Database;
  readonly #records = new Map<Digest, ImageRecord>();
  readonly #references = new ReferenceMaps();
  /** How many images were made from each. */
  readonly #children = new Map<Digest, number>();
  #lost: IndexRecord[] = [];

  private constructor(database: Database, indexes: IndexStore) {
    this.#database = database;
    this.indexes = indexes;
  }

  /** Reads all rows. An image whose configuration is not in the content store any more is forgotten. */
  static async open(database: Database, content: ContentStore): Promise<ImageStore> {
    const store = new ImageStore(database, await IndexStore.open(database, content));
    for (const row of database.query<Row, []>('SELECT * FROM images').all()) {
      if ((await content.stat(row.id)) === undefined) {
        store.#deleteRows(row.id);
        continue;
      }
      const config = parseImageConfig(await content.readAll(row.id, MAX_CONFIG_BYTES));
      store.#remember(recordOf(row, config));
    }
    const references = database.query<ReferenceRow, []>('SELECT * FROM image_references').all();
    for (const { reference, image, image_index: index } of references) {
      const isIndexed = index !== null && store.indexes.get(index) !== undefined;
      store.#references.set(reference, image, isIndexed ? index : undefined);
    }
    store.#dropLoneIndexes();
    store.sweepIndexes();
    return store;
  }

  get(id: Digest): ImageRecord | undefined {
    return this.#records.get(id);
  }

  all(): IterableIterator<ImageRecord> {
    return this.#records.values();
  }

  /** The image that a normalised reference names on this host. */
  resolve(reference: string): ImageRecord | undefined {
    const id = this.#references.imageOf(reference);
    return id === undefined ? undefined : this.#records.get(id);
  }

  /** The index that a normalised reference stands for. */
  indexOf(reference: string): IndexRecord | undefined {
    const digest = this.#references.indexOf(reference);
    return digest === undefined ? undefined : this.indexes.get(digest);
  }

  /** Normalised references that find an image on this host, sorted. */
  referencesOf(id: Digest): string[] {
    return [...this.#references.ofImage(id)].sort();
  }

  /** Those and the references of indexes that have the image, sorted. */
  namesOf(id: Digest): string[] {
    const names = new Set(this.#references.ofImage(id));
    for (const { digest } of this.indexes.having(id)) {
      for (const name of this.#references.ofIndex(digest)) names.add(name);
    }
    return [...names].sort();
  }

  /** The image that an index shows on this host instead of this one, which has no reference that finds it. */
  listedAs(id: Digest): Digest | undefined {
    if (this.#references.ofImage(id).size > 0) return undefined;
    for (const { digest } of this.indexes.having(id)) {
      const [name] = this.#references.ofIndex(digest);
      if (name !== undefined) return this.#references.imageOf(name);
    }
    return undefined;
  }

  /** Normalised references that stand for an index, sorted. */
  namesOfIndex(digest: Digest): string[] {
    return [...this.#references.ofIndex(digest)].sort();
  }

  /** The images of an index that are here, each once, in its order. */
  imagesOf(index: IndexRecord): ImageRecord[] {
    const ids = new Set(index.manifests.flatMap(({ image }) => image ?? []));
    return [...ids].flatMap((id) => this.#records.get(id) ?? []);
  }

  /** The image of an index that serves a platform best, of those that are here. */
  bestOf(index: IndexRecord, platform: Platform): ImageRecord | undefined {
    let best: { readonly record: ImageRecord; readonly fit: number } | undefined;
    for (const { image, descriptor } of index.manifests) {
      const record = image === undefined ? undefined : this.#records.get(image);
      if (record === undefined) continue;
      const fit = platformFit(platform, descriptor.platform ?? platformOf(record.config));
      if (fit > (best?.fit ?? 0)) best = { record, fit };
    }
    return best?.record;
  }

  /** Whether any image was made from this one. */
  hasChildren(id: Digest): boolean {
    return this.#children.has(id);
  }

  /** All normalised references. */
  references(): IterableIterator<string> {
    return this.#references.all();
  }

  /** What the names of an index find on this host: what suits it best, or else the first that is here. */
  faceOf(index: IndexRecord): ImageRecord | undefined {
    return this.bestOf(index, hostPlatform()) ?? this.imagesOf(index)[0];
  }

  /** What is entered in here is on disk at once, or none of it. */
  together(enter: () => void): void {
    this.#database.transaction(enter)();
  }

  /** Adds an image; one that is there already keeps its row, and false is returned. */
  add(record: ImageRecord): boolean {
    if (this.#records.has(record.id)) return false;
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
    return true;
  }

  /** Notes the manifest that an image came with last. */
  setManifest(id: Digest, manifest: Digest): void {
    this.#database.query('UPDATE images SET manifest = ? WHERE id = ?').run(manifest, id);
    const record = this.#records.get(id);
    if (record !== undefined) this.#records.set(id, { ...record, manifest });
  }

  /** Points a reference at an image, and returns the one that it pointed at before. */
  setReference(reference: string, id: Digest): ImageRecord | undefined {
    return this.#name(reference, id, undefined);
  }

  /** Lets a reference stand for an index; returns the image that it found before. Fails with `not-found` when no image of it is here. */
  setIndexReference(reference: string, index: IndexRecord): ImageRecord | undefined {
    const face = this.faceOf(index);
    if (face === undefined) throw notFound(`No such image: no image of the index ${index.digest} is here`);
    return this.#name(reference, face.id, index.digest);
  }

  removeReference(reference: string): void {
    this.#database.query('DELETE FROM image_references WHERE reference = ?').run(reference);
    this.#references.delete(reference);
    this.#dropLoneIndexes();
  }

  /**
   * Enters an index, or what has become known of it: its names find what suits the host best now. What was known stays, as somebody else may
   * have found it out meanwhile.
   */
  putIndex(index: IndexRecord): IndexRecord {
    const known = new Map(
      this.indexes.get(index.digest)?.manifests.map((one) => [one.descriptor.digest, one]),
    );
    const manifests = index.manifests.map((one) => {
      const { image, blobs } = known.get(one.descriptor.digest) ?? one;
      return { ...one, image: one.image ?? image, blobs: one.blobs ?? blobs };
    });
    const record = { ...index, manifests };
    this.indexes.put(record);
    this.#reface(record);
    return record;
  }

  /** Forgets an image, and the references that are left with nothing. */
  remove(id: Digest): void {
    const record = this.#records.get(id);
    const indexes = [...this.indexes.having(id)];
    this.#records.delete(id);
    for (const index of indexes) this.#reface(index);
    this.#deleteRows(id);
    this.#countChild(record?.parent, -1);
    for (const reference of this.referencesOf(id)) this.#references.delete(reference);
    this.#dropLoneIndexes();
  }

  /** The indexes that were forgotten since this was asked last: what they named may not be needed any more. */
  takeLostIndexes(): readonly IndexRecord[] {
    const lost = this.#lost;
    this.#lost = [];
    return lost;
  }

  /** An index goes with its last name; one that has never had any stays while all of its images are here. */
  #dropLoneIndexes(): void {
    const hadName = this.#references.takeNameless();
    for (const index of this.#namelessIndexes()) {
      const isWhole = imageIdsOf(index).every((id) => id !== undefined && this.#records.has(id));
      if (hadName.has(index.digest) || !isWhole) this.#drop(index);
    }
  }

  /** Forgets the indexes without a name that nobody would miss: all of their images are known by other names. */
  sweepIndexes(): void {
    for (const index of this.#namelessIndexes()) {
      const isSeen = imageIdsOf(index).some((id) => id !== undefined && this.namesOf(id).length === 0);
      if (!isSeen) this.#drop(index);
    }
  }

  #namelessIndexes(): IndexRecord[] {
    return [...this.indexes.all()].filter(({ digest }) => this.#references.ofIndex(digest).size === 0);
  }

  #drop(index: IndexRecord): void {
    this.indexes.remove(index.digest);
    this.#lost.push(index);
  }

  #reface(index: IndexRecord): void {
    const face = this.faceOf(index);
    if (face === undefined) return;
    for (const reference of this.namesOfIndex(index.digest)) {
      if (this.#references.imageOf(reference) === face.id) continue;
      this.#writeReference(reference, face.id, index.digest);
      this.#references.set(reference, face.id, index.digest);
    }
  }

  #name(reference: string, id: Digest, index: Digest | undefined): ImageRecord | undefined {
    const previous = this.resolve(reference);
    const now = new Date();
    this.#database.transaction(() => {
      this.#writeReference(reference, id, index);
      this.#database.query('UPDATE images SET last_tagged = ? WHERE id = ?').run(now.toISOString(), id);
    })();
    this.#references.set(reference, id, index);
    const record = this.#records.get(id);
    if (record !== undefined) this.#records.set(id, { ...record, lastTagged: now });
    this.#dropLoneIndexes();
    return previous;
  }

  #writeReference(reference: string, id: Digest, index: Digest | undefined): void {
    this.#database
      .query('INSERT OR REPLACE INTO image_references (reference, image, image_index) VALUES (?, ?, ?)')
      .run(reference, id, index ?? null);
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

  #deleteRows(id: Digest): void {
    this.#database.transaction(() => {
      this.#database.query('DELETE FROM image_references WHERE image = ?').run(id);
      this.#database.query('DELETE FROM images WHERE id = ?').run(id);
    })();
  }
}

/** Of a manifest that is not here it is unknown. */
function imageIdsOf({ manifests }: IndexRecord): (Digest | undefined)[] {
  return manifests.filter(({ kind }) => kind === 'image').map(({ image }) => image);
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
