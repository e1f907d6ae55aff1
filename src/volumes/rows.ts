import type { Database } from 'bun:sqlite';
import type { Volume, VolumeSnapshot } from './contract.ts';

interface Row {
  readonly name: string;
  readonly driver: string;
  readonly labels: string;
  readonly options: string;
  readonly created: number;
  readonly anonymous: number;
  readonly mountpoint: string;
  readonly scope: string;
}

/** Quota projects below this are other programs'. */
const FIRST_PROJECT = 0x5a00_0000;

/** What the database knows of volumes. Rows are written by this file alone, so their JSON is taken at its word. */
export class VolumeRows {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `mountpoint` is empty where the driver works it out itself. */
  load(): Volume[] {
    return this.#database.query<Row, []>('SELECT * FROM volumes').all().map(decode);
  }

  insert(volume: Volume, mountpoint: string): void {
    const { name, driver, labels, options, created, anonymous, scope } = volume;
    this.#database
      .query<null, (string | number)[]>(
        `INSERT INTO volumes (name, driver, labels, options, created, anonymous, mountpoint, scope)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        ...[name, driver, JSON.stringify(labels), JSON.stringify(options)],
        ...[created.getTime(), anonymous ? 1 : 0, mountpoint, scope],
      );
  }

  /** With its snapshots. */
  delete(name: string): void {
    this.#database.transaction(() => {
      this.#database.query<null, [string]>('DELETE FROM volumes WHERE name = ?').run(name);
      this.#database.query<null, [string]>('DELETE FROM volume_snapshots WHERE volume = ?').run(name);
      this.#database.query<null, [string]>('DELETE FROM volume_projects WHERE volume = ?').run(name);
    })();
  }

  /** Before the data get the new name. */
  beginRename(name: string, newName: string): void {
    this.#database
      .query<null, [string, string]>('INSERT OR REPLACE INTO volume_renames (name, new_name) VALUES (?, ?)')
      .run(name, newName);
  }

  begunRenames(): { readonly name: string; readonly newName: string }[] {
    return this.#database
      .query<{ name: string; newName: string }, []>('SELECT name, new_name AS newName FROM volume_renames')
      .all();
  }

  endRename(name: string): void {
    this.#database.query<null, [string]>('DELETE FROM volume_renames WHERE name = ?').run(name);
  }

  /** Once the data have it. */
  rename(name: string, newName: string): void {
    this.#database.transaction(() => {
      this.endRename(name);
      this.#database
        .query<null, [string, string]>('UPDATE volumes SET name = ?, anonymous = 0 WHERE name = ?')
        .run(newName, name);
      this.#database
        .query<null, [string, string]>('UPDATE volume_snapshots SET volume = ? WHERE volume = ?')
        .run(newName, name);
      this.#database
        .query<null, [string, string]>('UPDATE volume_projects SET volume = ? WHERE volume = ?')
        .run(newName, name);
    })();
  }

  /** The directory that is being filled, "" for the whole volume; undefined for none. */
  filling(name: string): string | undefined {
    return (
      this.#database
        .query<{ filling: string | null }, [string]>('SELECT filling FROM volumes WHERE name = ?')
        .get(name)?.filling ?? undefined
    );
  }

  setFilling(name: string, directory: string | undefined): void {
    this.#database
      .query<null, [string | null, string]>('UPDATE volumes SET filling = ? WHERE name = ?')
      .run(directory ?? null, name);
  }

  allFilling(): { readonly name: string; readonly filling: string }[] {
    return this.#database
      .query<{ name: string; filling: string }, []>(
        'SELECT name, filling FROM volumes WHERE filling IS NOT NULL',
      )
      .all();
  }

  /** The number of the volume's quota project, a new one if it has none. */
  project(volume: string): number {
    const row = this.#database
      .query<{ number: number }, [string]>(
        `INSERT INTO volume_projects (volume) VALUES (?)
         ON CONFLICT (volume) DO UPDATE SET volume = excluded.volume RETURNING number`,
      )
      .get(volume);
    return FIRST_PROJECT + (row?.number ?? 0);
  }

  snapshots(volume: string): VolumeSnapshot[] {
    return this.#database
      .query<{ name: string; created: number }, [string]>(
        'SELECT name, created FROM volume_snapshots WHERE volume = ? ORDER BY created, name',
      )
      .all(volume)
      .map(({ name, created }) => ({ name, created: new Date(created) }));
  }

  insertSnapshot(volume: string, { name, created }: VolumeSnapshot): void {
    this.#database
      .query<null, [string, string, number]>(
        'INSERT INTO volume_snapshots (volume, name, created) VALUES (?, ?, ?)',
      )
      .run(volume, name, created.getTime());
  }

  deleteSnapshot(volume: string, name: string): void {
    this.#database
      .query<null, [string, string]>('DELETE FROM volume_snapshots WHERE volume = ? AND name = ?')
      .run(volume, name);
  }
}

function decode(row: Row): Volume {
  return {
    name: row.name,
    driver: row.driver,
    mountpoint: row.mountpoint,
    labels: JSON.parse(row.labels),
    options: JSON.parse(row.options),
    created: new Date(row.created),
    anonymous: row.anonymous === 1,
    scope: row.scope,
  };
}
