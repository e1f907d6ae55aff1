import { constants, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../../../base/errno.ts';
import { Pack } from '../pack.ts';
import { type ContextIndex, decodeIndex, encodeIndex } from './context-index.ts';

const INDEX = 'index';
/** Smaller packs are not worth the work. */
const MIN_COMPACTED = 1 << 20;

/**
 * One context on disk: a pack of files' bytes, and an index that says which of them count. A crash leaves an index with its pack as they were;
 * what a pack has beyond its index was never said to be there, and is written over.
 */
export class ContextDirectory {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** What is here, with its pack open; nothing when the directory is new or damaged. */
  async open(): Promise<{ readonly index: ContextIndex; readonly pack: Pack }> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    const index = await this.#readIndex();
    if (index !== undefined) {
      const pack = await this.#openPack(index);
      if (pack !== undefined) return { index, pack };
    }
    return this.#begin('pack.0');
  }

  /** Marks it as used now. */
  async touch(): Promise<void> {
    const now = new Date();
    await utimes(this.#path, now, now);
  }

  /** Makes durable that these files are here. Afterwards a crash changes nothing any more. */
  async save(index: ContextIndex, pack: Pack): Promise<void> {
    if (isWasteful(index)) {
      await this.#compact(index, pack);
      return;
    }
    await pack.sync();
    await this.#writeIndex(index);
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

  async #readIndex(): Promise<ContextIndex | undefined> {
    try {
      return decodeIndex(await readFile(join(this.#path, INDEX), 'utf8'));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #openPack({ pack, size }: ContextIndex): Promise<Pack | undefined> {
    try {
      const { size: bytes } = await stat(join(this.#path, pack));
      if (bytes < size) return undefined;
      return new Pack(openSync(join(this.#path, pack), constants.O_RDWR | constants.O_NOFOLLOW), size);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #begin(name: string): Promise<{ readonly index: ContextIndex; readonly pack: Pack }> {
    await this.#removeAllBut(undefined);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    const pack = new Pack(openSync(join(this.#path, name), flags, 0o600), 0);
    return { index: { pack: name, size: 0, files: new Map() }, pack };
  }

  /** Writes what counts into a new pack. Whoever reads the old one has it open. */
  async #compact(index: ContextIndex, old: Pack): Promise<void> {
    const name = `pack.${Number(index.pack.slice('pack.'.length)) + 1}`;
    const path = join(this.#path, name);
    await rm(path, { force: true });
    using pack = new Pack(openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600), 0);
    const reader = old.reader();
    const files = new Map<string, typeof index.files extends ReadonlyMap<string, infer F> ? F : never>();
    const inOrder = [...index.files].sort(([, a], [, b]) => a.offset - b.offset);
    for (const [file, known] of inOrder) {
      const offset = pack.size;
      for (let at = 0; at < known.size; ) {
        const bytes = await reader.read(known.offset + at, known.size - at);
        await pack.write(bytes);
        at += bytes.length;
      }
      files.set(file, { ...known, offset });
    }
    await pack.finish();
    await pack.sync();
    await this.#writeIndex({ pack: name, size: pack.size, files });
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

/** Whether more than half of a pack is of no use. */
function isWasteful({ size, files }: ContextIndex): boolean {
  let live = 0;
  for (const file of files.values()) live += file.size;
  return size >= MIN_COMPACTED && live * 2 < size;
}
