import type { Database } from 'bun:sqlite';
import type { Digest } from '../../oci/digest.ts';
import type { CacheRecord } from '../contract.ts';

/** What a step made once. */
export interface CachedStep {
  readonly key: Digest;
  /** Those that the step added. */
  readonly layers: readonly Digest[];
  /** Keys of the steps that its inputs came from. */
  readonly parents: readonly Digest[];
  readonly description: string;
  readonly type: CacheRecord['type'];
  /** Bytes of the layers' tars. */
  readonly size: number;
  readonly created: Date;
  readonly lastUsed: Date | undefined;
  readonly uses: number;
}

type NewStep = Omit<CachedStep, 'created' | 'lastUsed' | 'uses'> & { readonly created?: Date | undefined };

interface Row {
  readonly key: Digest;
  readonly layers: string;
  readonly parents: string;
  readonly description: string;
  readonly type: CacheRecord['type'];
  readonly size: number;
  readonly created: number;
  readonly last_used: number | null;
  readonly uses: number;
}

/** Remembers what steps made: the rows of `build_steps`, all in memory too, for collectors ask for all of them. */
export class StepCache {
  readonly #database: Database;
  readonly #steps = new Map<Digest, CachedStep>();

  constructor(database: Database) {
    this.#database = database;
    for (const row of database.query<Row, []>('SELECT * FROM build_steps').all()) {
      this.#steps.set(row.key, decode(row));
    }
  }

  list(): IterableIterator<CachedStep> {
    return this.#steps.values();
  }

  get(key: Digest): CachedStep | undefined {
    return this.#steps.get(key);
  }

  /** Counts as a use. */
  take(key: Digest): CachedStep | undefined {
    const step = this.#steps.get(key);
    if (step === undefined) return undefined;
    const used = { ...step, lastUsed: new Date(), uses: step.uses + 1 };
    this.#steps.set(key, used);
    this.#database
      .query('UPDATE build_steps SET last_used = ?, uses = ? WHERE key = ?')
      .run(used.lastUsed.getTime(), used.uses, key);
    return used;
  }

  /** Made now, unless it says when. */
  add(step: NewStep): void {
    const created = step.created ?? new Date();
    const { key, layers, parents, description, type, size } = step;
    this.#database
      .query('INSERT OR REPLACE INTO build_steps VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0)')
      .run(key, JSON.stringify(layers), JSON.stringify(parents), description, type, size, created.getTime());
    this.#steps.set(key, { ...step, created, lastUsed: undefined, uses: 0 });
  }

  delete(key: Digest): void {
    this.#database.query('DELETE FROM build_steps WHERE key = ?').run(key);
    this.#steps.delete(key);
  }

  /** Every layer that some step made. */
  *layers(): Generator<Digest, void, void> {
    for (const { layers } of this.#steps.values()) yield* layers;
  }
}

function decode(row: Row): CachedStep {
  return {
    key: row.key,
    layers: JSON.parse(row.layers),
    parents: JSON.parse(row.parents),
    description: row.description,
    type: row.type,
    size: row.size,
    created: new Date(row.created),
    lastUsed: row.last_used === null ? undefined : new Date(row.last_used),
    uses: row.uses,
  };
}
