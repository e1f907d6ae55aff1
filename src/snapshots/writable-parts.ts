import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../base/errno.ts';
import { conflict, invalid, notFound, SampanError } from '../base/errors.ts';
import { type Digest, isDigest } from '../oci/digest.ts';
import { diskUsage } from './disk-usage.ts';

/** Longest key: keys are container IDs or like them. */
const keyPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/**
 * The writable directories of snapshots: `<root>/<key>/{upper,work}`, with the layers that they lie over in the file `layers`.
 * Preparing one is part of every container's start, so it is a few system calls and no waiting.
 */
export class WritableParts {
  readonly #root: string;
  readonly #trash: string;
  readonly #layers = new Map<string, readonly Digest[]>();
  /** How many snapshots use a layer. */
  readonly #users = new Map<Digest, number>();
  /** Whose list of layers a power cut destroyed: nothing but removal can be done with them. */
  readonly #damaged = new Set<string>();
  #removed = 0;

  private constructor(root: string, trash: string) {
    this.#root = root;
    this.#trash = trash;
  }

  /** Reads what is there. What a killed process had half made or half removed is deleted. */
  static async open(root: string, trash: string): Promise<WritableParts> {
    await rm(trash, { recursive: true, force: true });
    await mkdir(root, { recursive: true, mode: 0o700 });
    await mkdir(trash, { recursive: true, mode: 0o700 });
    const parts = new WritableParts(root, trash);
    for (const key of readdirSync(root)) {
      const layers = readLayers(join(root, key, 'layers'));
      if (layers === 'missing') await rm(join(root, key), { recursive: true, force: true });
      else if (layers === 'damaged') parts.#damaged.add(key);
      else parts.#add(key, layers);
    }
    return parts;
  }

  /** Fails with `conflict` when the key is taken. */
  prepare(key: string, layers: readonly Digest[]): void {
    if (!keyPattern.test(key)) throw invalid(`invalid snapshot key ${JSON.stringify(key)}`);
    if (this.#layers.has(key)) throw conflict(`snapshot ${key} exists already`);
    const directory = join(this.#root, key);
    mkdirSync(directory, { mode: 0o700 });
    const upper = join(directory, 'upper');
    mkdirSync(upper);
    // It becomes the container's root, whatever this process's umask.
    chmodSync(upper, 0o755);
    mkdirSync(join(directory, 'work'), { mode: 0o700 });
    const list = join(directory, 'layers');
    // By another name first: whoever is killed before the list is whole has left none.
    writeFileSync(`${list}.new`, `${layers.join('\n')}\n`);
    renameSync(`${list}.new`, list);
    this.#add(key, [...layers]);
  }

  async remove(key: string): Promise<void> {
    const layers = this.#layers.get(key) ?? [];
    if (!this.#layers.has(key) && !this.#damaged.has(key)) return;
    // Gone under its name at once; a crash in between leaves it for the next start.
    const trash = join(this.#trash, String(this.#removed++));
    await rename(join(this.#root, key), trash);
    this.#layers.delete(key);
    this.#damaged.delete(key);
    for (const layer of layers) this.#count(layer, -1);
    await rm(trash, { recursive: true, force: true });
  }

  *keys(): Generator<string, void, void> {
    yield* this.#layers.keys();
    yield* this.#damaged;
  }

  /** Bottom first. Fails with `not-found`, and with `data-loss` where a power cut left no list. */
  layersOf(key: string): readonly Digest[] {
    if (this.#damaged.has(key))
      throw new SampanError('data-loss', `the list of layers of snapshot ${key} is damaged`);
    const layers = this.#layers.get(key);
    if (layers === undefined) throw notFound(`no such snapshot: ${key}`);
    return layers;
  }

  isUsed(layer: Digest): boolean {
    return this.#users.has(layer);
  }

  path(key: string, part: 'upper' | 'work' | 'merged'): string {
    this.layersOf(key);
    return join(this.#root, key, part);
  }

  async usage(key: string): Promise<{ readonly bytes: number; readonly inodes: number }> {
    const { bytes, inodes } = await diskUsage(this.path(key, 'upper'));
    return { bytes, inodes };
  }

  #add(key: string, layers: readonly Digest[]): void {
    this.#layers.set(key, layers);
    for (const layer of layers) this.#count(layer, 1);
  }

  #count(layer: Digest, by: 1 | -1): void {
    const count = (this.#users.get(layer) ?? 0) + by;
    if (count > 0) this.#users.set(layer, count);
    else this.#users.delete(layer);
  }
}

/** The list is written last, so a directory without it was never finished; and ends in a newline, so one without is not whole. */
function readLayers(path: string): Digest[] | 'missing' | 'damaged' {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return 'missing';
    throw error;
  }
  const digests = text.split('\n').filter((line) => line !== '');
  return text.endsWith('\n') && digests.every(isDigest) ? digests : 'damaged';
}
