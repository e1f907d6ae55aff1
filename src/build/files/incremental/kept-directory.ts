import { constants, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../../base/errno.ts';
import { Pack } from '../pack.ts';
import { type ContextIndex, decodeIndex, encodeIndex } from './context-index.ts';
import { entriesOf, type StoredEntry, type StoredListing, storeListing } from './stored-listing.ts';

const INDEX = 'index';
/** Smaller packs are not worth the work. */
const MIN_COMPACTED = 1 << 20;

export interface OpenedContext {
  readonly index: ContextIndex;
  readonly pack: Pack;
}

/**
 * One context on disk: a pack of files' bytes, and an index that says which of them count. A crash leaves an index with its pack as they were;
 * what a pack has beyond its index was never said to be there, and is written over.
 */
export class KeptDirectory {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What is here; undefined when that is nothing, or damaged. Nothing is made. `fresh`: what the index will be when it is saved. */
  async open(fresh: ContextIndex | undefined): Promise<OpenedContext | undefined> {
    // Between index and pack it may have been packed anew.
    return (await this.#open(fresh)) ?? (await this.#open(undefined));
  }

  /** Begins anew: what was here goes. */
  async begin(): Promise<OpenedContext> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    await this.#removeAllBut(undefined);
    const name = 'pack.0';
    return {
      index: { pack: name, size: 0, listings: [] },
      pack: new Pack(create(join(this.#path, name)), 0),
    };
  }

  /** Marks it as used now. */
  async touch(): Promise<void> {
    const now = new Date();
    await utimes(this.#path, now, now);
  }

  /** Makes durable that these files are here. Afterwards a crash changes nothing any more. False when they are packed anew for it. */
  async save(index: ContextIndex, pack: Pack): Promise<boolean> {
    if (isWasteful(index)) {
      await this.#compact(index, pack);
      return false;
    }
    await pack.sync();
    await this.#writeIndex(index);
    return true;
  }

  async size(): Promise<number> {
    const names = await readdir(this.#path);
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(join(this.#path, name))).blocks * 512),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async lastUsed(): Promise<Date> {
    return (await stat(this.#path)).mtime;
  }

  async remove(): Promise<void> {
    await rm(this.#path, { recursive: true, force: true });
  }

  async #open(fresh: ContextIndex | undefined): Promise<OpenedContext | undefined> {
    try {
      const index = fresh ?? decodeIndex(await readFile(join(this.#path, INDEX)));
      if (index === undefined) return undefined;
      const path = join(this.#path, index.pack);
      if ((await stat(path)).size < index.size) return undefined;
      return { index, pack: new Pack(openSync(path, constants.O_RDWR | constants.O_NOFOLLOW), index.size) };
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Writes what counts into a new pack. Whoever reads the old one has it open. */
  async #compact(index: ContextIndex, old: Pack): Promise<void> {
    const name = `pack.${Number(index.pack.slice('pack.'.length)) + 1}`;
    const path = join(this.#path, name);
    await rm(path, { force: true });
    using pack = new Pack(create(path), 0);
    const reader = old.reader();
    const listings: StoredListing[] = [];
    for (const listing of index.listings) {
      const entries: StoredEntry[] = [];
      for (const entry of entriesOf(listing)) {
        const offset = pack.size;
        for (let at = 0; entry.place !== undefined && at < entry.size; ) {
          const bytes = await reader.read(entry.place.offset + at, entry.size - at);
          await pack.write(bytes);
          at += bytes.length;
        }
        entries.push({ ...entry, place: entry.place && { ...entry.place, offset } });
      }
      listings.push(storeListing(listing, entries, listing.text));
    }
    await pack.finish();
    await pack.sync();
    await this.#writeIndex({ pack: name, size: pack.size, listings });
    await this.#removeAllBut(name);
  }

  async #writeIndex(index: ContextIndex): Promise<void> {
    const temporary = join(this.#path, `${INDEX}.new`);
    await writeFile(temporary, encodeIndex(index), { mode: 0o600, flush: true });
    await rename(temporary, join(this.#path, INDEX));
  }

  async #removeAllBut(pack: string | undefined): Promise<void> {
    const keeps = pack === undefined ? [] : [pack, INDEX];
    for (const name of await readdir(this.#path)) {
      if (!keeps.includes(name)) await unlink(join(this.#path, name));
    }
  }
}

function create(path: string): number {
  return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
}

/** Whether more than half of a pack is of no use. */
function isWasteful({ size, listings }: ContextIndex): boolean {
  const live = listings.reduce((sum, { bytes }) => sum + bytes, 0);
  return size >= MIN_COMPACTED && live * 2 < size;
}
