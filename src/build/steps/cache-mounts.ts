import type { Database } from 'bun:sqlite';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../base/context.ts';
import { conflict, notFound } from '../../base/errors.ts';
import { type Digest, digestOf, hexOf } from '../../oci/digest.ts';
import type { TreePart, Trees } from '../../runtime/trees/contract.ts';
import type { CacheRecord } from '../contract.ts';
import { CacheMountLocks } from './cache-mount-locks.ts';

export interface CacheMountsOptions {
  /** Open, with `buildSchema` in it. */
  readonly database: Database;
  /** Holds one directory for each. Nobody else may look into it. */
  readonly directory: string;
  readonly trees: Trees;
  /** Bytes that a directory takes on disk. */
  readonly usage: (directory: string) => Promise<number>;
}

export interface CacheMountRequest {
  readonly id: string;
  readonly sharing: 'shared' | 'private' | 'locked';
  readonly seed: CacheMountSeed | undefined;
  /** Of a new one that is not seeded. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a cache mount begins with. One with another seed is another one. */
export interface CacheMountSeed {
  readonly identity: Digest;
  /** The content of a directory, itself first as ".". */
  read(context: Context): AsyncIterable<TreePart>;
}

/** In use until it is disposed. */
export interface CacheMount extends Disposable {
  /** Host path of a directory with untrusted content. */
  readonly path: string;
}

interface Row {
  readonly id: string;
  readonly directory: string;
  readonly created: number;
  readonly last_used: number | null;
  readonly uses: number;
}

/** Ends the name of a directory that another one is about to take the place of. */
const REPLACED = '.replaced';

/** What rows are named by: what the Dockerfile says, what it was seeded from, and which of several private ones it is. */
type Name = readonly [id: string, seed: Digest | '', copy: number];

/**
 * Directories that outlive the steps that use them: rows of `cache_mounts`, named by what the Dockerfile calls them; the directories' own
 * names are digests of that. A row is written last and deleted after its directory is gone, so what a killed daemon had begun is known by
 * having no row.
 */
export class CacheMounts {
  readonly #options: CacheMountsOptions;
  readonly #locks = new CacheMountLocks();
  /** Being made at this moment, by their rows' IDs. */
  readonly #making = new Map<string, Promise<void>>();

  private constructor(options: CacheMountsOptions) {
    this.#options = options;
  }

  static async open(options: CacheMountsOptions): Promise<CacheMounts> {
    const mounts = new CacheMounts(options);
    await mounts.#recover();
    return mounts;
  }

  /** Waits until it is to be had, makes it if there is none. */
  async acquire(context: Context, request: CacheMountRequest): Promise<CacheMount> {
    const id = await this.#lock(context, request);
    try {
      while (this.#find(id) === undefined) await this.#makeOnce(context, id, request);
      this.#options.database
        .query('UPDATE cache_mounts SET last_used = ?, uses = uses + 1 WHERE id = ?')
        .run(Date.now(), id);
    } catch (error) {
      this.#locks.release(id);
      throw error;
    }
    return this.#held(id);
  }

  /** One that is there, by what Dockerfiles call it or by its record's ID. Fails with `not-found`, and with `conflict` where several are meant. */
  async use(context: Context, name: string): Promise<CacheMount> {
    const { id } = this.#meant(name) ?? missing(name);
    await this.#locks.acquire(context.signal, id, 'shared');
    if (this.#find(id) !== undefined) return this.#held(id);
    this.#locks.release(id);
    return missing(name);
  }

  /**
   * Puts content, itself first as ".", in the place of what such a one holds; makes one if there is none. Returns its record's ID. Fails with
   * `conflict` while it is in use, and where several are meant; until all of the content is there nothing has changed.
   */
  async fill(context: Context, name: string, content: AsyncIterable<TreePart>): Promise<string> {
    const id = this.#meant(name)?.id ?? rowId([name, '', 0]);
    const { directory } = this.#options;
    const [unfinished, trash] = [join(directory, unfinishedName()), join(directory, unfinishedName())];
    mkdirSync(unfinished, { mode: 0o700 });
    try {
      await this.#own(context, unfinished, content);
      if (!this.#locks.tryExclusive(id)) throw conflict(`the cache mount ${JSON.stringify(name)} is in use`);
      try {
        if (this.#find(id) === undefined) this.#put(id, unfinished);
        else this.#replace(id, unfinished, trash);
      } finally {
        this.#locks.release(id);
      }
    } finally {
      for (const path of [unfinished, trash]) await rm(path, { recursive: true, force: true });
    }
    return directoryName(id);
  }

  async list(): Promise<readonly CacheRecord[]> {
    const records: CacheRecord[] = [];
    for (const row of this.#rows()) {
      records.push({
        id: row.directory,
        parents: [],
        type: 'exec.cachemount',
        description: `cached mount ${nameOf(row.id)[0]}`,
        inUse: this.#locks.isHeld(row.id),
        shared: false,
        size: await this.#options.usage(this.#path(row.id)),
        created: new Date(row.created),
        lastUsed: row.last_used === null ? undefined : new Date(row.last_used),
        uses: row.uses,
      });
    }
    return records;
  }

  /** Removes one by the ID of its record; the bytes of disk that are free now. Fails with `not-found`, and with `conflict` while it is in use. */
  async remove(recordId: string): Promise<number> {
    const row = this.#rows().find(({ directory }) => directory === recordId);
    if (row === undefined) throw notFound(`no such cache record: ${recordId}`);
    if (!this.#locks.tryExclusive(row.id)) throw conflict(`cache record ${recordId} is in use`);
    const { database, directory, usage } = this.#options;
    const trash = join(directory, unfinishedName());
    try {
      renameSync(this.#path(row.id), trash);
      database.query('DELETE FROM cache_mounts WHERE id = ?').run(row.id);
    } finally {
      this.#locks.release(row.id);
    }
    const bytes = await usage(trash);
    await rm(trash, { recursive: true, force: true });
    return bytes;
  }

  #held(id: string): CacheMount {
    let held = true;
    return {
      path: this.#path(id),
      [Symbol.dispose]: () => {
        if (held) this.#locks.release(id);
        held = false;
      },
    };
  }

  #meant(name: string): Row | undefined {
    const rows = this.#rows();
    const named = rows.filter(({ id }) => nameOf(id)[0] === name);
    // Shorter ones could be the beginning of an ID by chance, and another mount be overwritten.
    const isId = /^[0-9a-f]{12,64}$/.test(name);
    const found = named.length > 0 || !isId ? named : rows.filter((row) => row.directory.startsWith(name));
    if (found.length < 2) return found[0];
    const ids = found.map((row) => row.directory.slice(0, 12)).join(', ');
    throw conflict(`several cache mounts are called ${JSON.stringify(name)}: name one by its ID, of ${ids}`);
  }

  /** The ID of the row that the caller may now use. */
  async #lock(context: Context, { id, seed, sharing }: CacheMountRequest): Promise<string> {
    if (sharing === 'private') {
      for (let copy = 0; ; copy++) {
        const own = rowId([id, seed?.identity ?? '', copy]);
        if (this.#locks.tryExclusive(own)) return own;
      }
    }
    const own = rowId([id, seed?.identity ?? '', 0]);
    await this.#locks.acquire(context.signal, own, sharing);
    return own;
  }

  /** Those who share it want it made once. Whoever's own failure it is not tries again. */
  async #makeOnce(context: Context, id: string, request: CacheMountRequest): Promise<void> {
    const others = this.#making.get(id);
    if (others !== undefined) {
      await others.catch(() => {});
      context.signal.throwIfAborted();
      return;
    }
    const making = this.#make(context, id, request).finally(() => this.#making.delete(id));
    this.#making.set(id, making);
    await making;
  }

  async #make(context: Context, id: string, request: CacheMountRequest): Promise<void> {
    const { directory } = this.#options;
    const unfinished = join(directory, unfinishedName());
    mkdirSync(unfinished, { mode: 0o700 });
    try {
      if (request.seed === undefined) giveTo(unfinished, request);
      else await this.#own(context, unfinished, request.seed.read(context));
      this.#put(id, unfinished);
    } catch (error) {
      for (const path of [unfinished, this.#path(id)]) await rm(path, { recursive: true, force: true });
      throw error;
    }
  }

  /** A directory that is whole becomes that of the row. */
  #put(id: string, path: string): void {
    renameSync(path, this.#path(id));
    this.#options.database
      .query('INSERT OR IGNORE INTO cache_mounts VALUES (?, ?, ?, NULL, 0)')
      .run(id, directoryName(id), Date.now());
  }

  /** The old content is set aside where the next daemon finds it if this one is killed before there is another. */
  #replace(id: string, path: string, trash: string): void {
    const old = `${this.#path(id)}${REPLACED}`;
    renameSync(this.#path(id), old);
    try {
      renameSync(path, this.#path(id));
    } catch (error) {
      renameSync(old, this.#path(id));
      throw error;
    }
    renameSync(old, trash);
  }

  /** Fills a directory, and makes it what the content's own directory is like. */
  async #own(context: Context, path: string, content: AsyncIterable<TreePart>): Promise<void> {
    let owner = { mode: 0o755, uid: 0, gid: 0 };
    async function* below(): AsyncGenerator<TreePart, void, void> {
      for await (const part of content) {
        if (part instanceof Uint8Array || part.name !== '.') yield part;
        else owner = { mode: part.mode ?? 0o755, uid: part.uid ?? 0, gid: part.gid ?? 0 };
      }
    }
    await using tree = await this.#options.trees.open(context, { kind: 'directory', path });
    await tree.write(context, '/', below(), { keepKinds: false });
    giveTo(path, owner);
  }

  async #recover(): Promise<void> {
    const { database, directory } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#putBack();
    const there = new Set(readdirSync(directory));
    const known = new Set<string>();
    for (const { id, directory: name } of this.#rows()) {
      if (there.has(name)) known.add(name);
      else database.query('DELETE FROM cache_mounts WHERE id = ?').run(id);
    }
    for (const name of there) {
      if (!known.has(name)) await rm(join(directory, name), { recursive: true, force: true });
    }
  }

  /** What was being replaced and has nothing in its place yet. */
  #putBack(): void {
    for (const { id } of this.#rows()) {
      const path = this.#path(id);
      if (!existsSync(path) && existsSync(`${path}${REPLACED}`)) renameSync(`${path}${REPLACED}`, path);
    }
  }

  #rows(): readonly Row[] {
    return this.#options.database.query<Row, []>('SELECT * FROM cache_mounts ORDER BY created, id').all();
  }

  #find(id: string): Row | undefined {
    const query = this.#options.database.query<Row, [string]>('SELECT * FROM cache_mounts WHERE id = ?');
    return query.get(id) ?? undefined;
  }

  #path(id: string): string {
    return join(this.#options.directory, directoryName(id));
  }
}

function giveTo(path: string, { mode, uid, gid }: Pick<CacheMountRequest, 'mode' | 'uid' | 'gid'>): void {
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

function missing(name: string): never {
  throw notFound(`no such cache mount: ${name}`);
}

function rowId(name: Name): string {
  return JSON.stringify(name);
}

function nameOf(id: string): Name {
  return JSON.parse(id);
}

/** Whatever characters a Dockerfile's name has, this has none that means anything to a filesystem. */
function directoryName(id: string): string {
  return hexOf(digestOf(id));
}

function unfinishedName(): string {
  return `new-${randomBytes(8).toString('hex')}`;
}
