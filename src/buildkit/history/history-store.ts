import type { Database } from 'bun:sqlite';
import type { Digest } from '../../oci/digest.ts';

/** How many records stay, beside those that are pinned. */
export const MAX_RECORDS = 100;

export interface StoredRecord {
  readonly ref: string;
  readonly created: Date;
  readonly pinned: boolean;
  /** What of the content store belongs to it alone. */
  readonly blobs: readonly Digest[];
  /** A BuildRecord. */
  readonly record: Uint8Array;
}

interface Row {
  readonly ref: string;
  readonly created: number;
  readonly pinned: number;
  readonly blobs: string;
  readonly record: Uint8Array;
}

/** The records of builds that have ended, in the database. */
export class HistoryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  list(): StoredRecord[] {
    const rows = this.#database
      .query<Row, []>('SELECT * FROM build_records ORDER BY created DESC, ref')
      .all();
    return rows.map(stored);
  }

  get(ref: string): StoredRecord | undefined {
    const row = this.#database.query<Row, [string]>('SELECT * FROM build_records WHERE ref = ?').get(ref);
    return row === null ? undefined : stored(row);
  }

  put({ ref, created, pinned, blobs, record }: StoredRecord): void {
    this.#database.run('INSERT OR REPLACE INTO build_records VALUES (?, ?, ?, ?, ?)', [
      ...[ref, created.getTime(), pinned ? 1 : 0, JSON.stringify(blobs)],
      Buffer.from(record),
    ]);
  }

  remove(ref: string): void {
    this.#database.run('DELETE FROM build_records WHERE ref = ?', [ref]);
  }

  /** What is to go for what is newer. */
  excess(): StoredRecord[] {
    return this.list()
      .filter(({ pinned }) => !pinned)
      .slice(MAX_RECORDS);
  }

  /** All that records have in the content store. */
  blobs(): readonly Digest[] {
    const rows = this.#database.query<{ blobs: string }, []>('SELECT blobs FROM build_records').all();
    return rows.flatMap(({ blobs }): Digest[] => JSON.parse(blobs));
  }
}

function stored({ created, pinned, blobs, ...row }: Row): StoredRecord {
  return { ...row, created: new Date(created), pinned: pinned !== 0, blobs: JSON.parse(blobs) };
}
