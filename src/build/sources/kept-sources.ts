import type { Database } from 'bun:sqlite';
import { randomBytes } from 'node:crypto';
import { mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '../../base/errno.ts';
import { isJsonObject, type JsonObject } from '../../base/json.ts';
import type { CacheRecord } from '../contract.ts';
import { Pack } from '../files/pack.ts';

export interface KeptSourcesOptions {
  /** Open, with `buildSchema` in it. */
  readonly database: Database;
  /** Holds one file for each. Nobody else may look into it. */
  readonly directory: string;
  /** Bytes on disk of all together: those used longest ago go first. */
  readonly maxBytes?: number;
}

type SourceType = Extract<CacheRecord['type'], 'source.http' | 'source.git.checkout'>;

/** Something from elsewhere that is to be kept. */
export interface NewSource {
  /** 64 hexadecimal digits that mean this source and no other. */
  readonly id: string;
  readonly type: SourceType;
  /** Without secrets: everybody who may use the engine reads it. */
  readonly description: string;
  /** What is to be known of it beside its bytes: JSON. */
  readonly facts: JsonObject;
}

export interface KeptSource {
  readonly facts: JsonObject;
  /** Its bytes, which stay readable when it is removed meanwhile. */
  readonly pack: Pack;
}

interface Row {
  readonly id: string;
  readonly type: SourceType;
  readonly description: string;
  readonly facts: string;
  readonly size: number;
  readonly created: number;
  readonly last_used: number | null;
  readonly uses: number;
}

const MAX_BYTES = 10 * 2 ** 30;
const idPattern = /^[0-9a-f]{64}$/;
const BLOCK = 4_096;

/**
 * What builds fetched from the web and from repositories, for builds that follow: rows of `build_sources`, each with a file. A file is durable
 * before its row is written, and goes before it: what has no counterpart is nothing.
 */
export class KeptSources {
  readonly #options: KeptSourcesOptions;

  private constructor(options: KeptSourcesOptions) {
    this.#options = options;
  }

  /** Clears away what a killed daemon had begun. */
  static open(options: KeptSourcesOptions): KeptSources {
    const { directory, database } = options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const kept = new KeptSources(options);
    const there = new Set(readdirSync(directory));
    const known = new Set(kept.#rows().map(({ id }) => id));
    for (const name of there) if (!known.has(name)) rmSync(join(directory, name), { force: true });
    for (const id of known) {
      if (!there.has(id)) database.query('DELETE FROM build_sources WHERE id = ?').run(id);
    }
    return kept;
  }

  /** Counts as a use. The pack is the caller's. */
  take(id: string): KeptSource | undefined {
    const { database } = this.#options;
    const row = database.query<Row, [string]>('SELECT * FROM build_sources WHERE id = ?').get(id);
    const pack = row === null ? undefined : this.#open(row);
    if (row === null || pack === undefined) return undefined;
    database
      .query('UPDATE build_sources SET last_used = ?, uses = uses + 1 WHERE id = ?')
      .run(Date.now(), id);
    const facts: unknown = JSON.parse(row.facts);
    return { facts: isJsonObject(facts) ? facts : {}, pack };
  }

  /** A pack that lies where it can be kept; it goes with its descriptor, unless it is. */
  begin(): PendingSource {
    const path = join(this.#options.directory, `new-${randomBytes(8).toString('hex')}`);
    return new PendingSource(path, (source, size) => this.#keep(path, source, size));
  }

  list(): readonly CacheRecord[] {
    return this.#rows().map(({ id, type, description, size, created, last_used: used, uses }) => ({
      ...{ id, type, description, uses, parents: [], inUse: false, shared: false },
      size: Math.ceil(size / BLOCK) * BLOCK,
      created: new Date(created),
      lastUsed: used === null ? undefined : new Date(used),
    }));
  }

  /** False when it has gone already. Builds that read it do so to the end. */
  remove(id: string): boolean {
    const { database, directory } = this.#options;
    if (!idPattern.test(id)) return false;
    rmSync(join(directory, id), { force: true });
    return database.query('DELETE FROM build_sources WHERE id = ?').run(id).changes > 0;
  }

  #keep(path: string, { id, type, description, facts }: NewSource, size: number): void {
    const { database, directory } = this.#options;
    renameSync(path, join(directory, id));
    database
      .query('INSERT OR REPLACE INTO build_sources VALUES (?, ?, ?, ?, ?, ?, NULL, 0)')
      .run(id, type, description, JSON.stringify(facts), size, Date.now());
    this.#makeRoom(id);
  }

  #makeRoom(newest: string): void {
    const { maxBytes = MAX_BYTES } = this.#options;
    const lastUse = ({ last_used: used, created }: Row): number => used ?? created;
    const rows = this.#rows().sort((a, b) => lastUse(a) - lastUse(b) || a.uses - b.uses);
    let total = rows.reduce((sum, { size }) => sum + size, 0);
    for (const { id, size } of rows) {
      if (total <= maxBytes) return;
      if (id !== newest && this.remove(id)) total -= size;
    }
  }

  /** Undefined where the file is not what the row says. */
  #open({ id, size }: Row): Pack | undefined {
    const path = join(this.#options.directory, id);
    try {
      if (statSync(path).size === size) return new Pack(openSync(path, 'r'), size);
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
    this.remove(id);
    return undefined;
  }

  #rows(): Row[] {
    return this.#options.database.query<Row, []>('SELECT * FROM build_sources ORDER BY created, id').all();
  }
}

/** Bytes on their way. Disposing forgets them, unless they are kept; whoever reads the pack may go on. */
export class PendingSource implements Disposable {
  readonly pack: Pack;
  readonly #path: string;
  readonly #keep: (source: NewSource, size: number) => void;

  constructor(path: string, keep: (source: NewSource, size: number) => void) {
    this.pack = new Pack(openSync(path, 'wx+', 0o600), 0);
    this.#path = path;
    this.#keep = keep;
  }

  /** The pack has to be finished. */
  async keep(source: NewSource): Promise<void> {
    await this.pack.sync();
    this.#keep(source, this.pack.size);
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { force: true });
  }
}
