import { Database } from 'bun:sqlite';
import { SampanError } from './errors.ts';

/** A step of a schema's history. Never edited once released: a change is a new step. */
type Migration = string;

/** One folder's tables: a name and the steps that make them, in order. */
export interface Schema {
  readonly name: string;
  readonly migrations: readonly Migration[];
}

/**
 * Opens (or makes) a database in WAL mode and brings each schema up to date, each step in one transaction.
 *
 * `synchronous=NORMAL`: a killed process loses nothing; a power cut may lose the last transactions, never consistency
 * (https://www.sqlite.org/wal.html).
 */
export function openDatabase(path: string, schemas: readonly Schema[]): Database {
  const database = new Database(path, { create: true, strict: true });
  database.run('PRAGMA journal_mode = WAL');
  database.run('PRAGMA synchronous = NORMAL');
  database.run('PRAGMA foreign_keys = ON');
  database.run('PRAGMA busy_timeout = 5000');
  database.run(
    'CREATE TABLE IF NOT EXISTS schema_versions (name TEXT PRIMARY KEY, version INTEGER NOT NULL)',
  );
  for (const schema of schemas) migrate(database, schema);
  return database;
}

function migrate(database: Database, schema: Schema): void {
  const row = database
    .query<{ version: number }, [string]>('SELECT version FROM schema_versions WHERE name = ?')
    .get(schema.name);
  const current = row?.version ?? 0;
  if (current > schema.migrations.length) {
    throw new SampanError(
      'internal',
      `the ${schema.name} tables have version ${current}, newer than this program`,
      {
        hint: 'Start a newer sampan, or choose another --data-root.',
      },
    );
  }
  for (const [index, step] of schema.migrations.entries()) {
    if (index < current) continue;
    database.transaction(() => {
      database.run(step);
      database.run('INSERT OR REPLACE INTO schema_versions (name, version) VALUES (?, ?)', [
        schema.name,
        index + 1,
      ]);
    })();
  }
}
