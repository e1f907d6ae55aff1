import { mkdir, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../base/atomic-file.ts';
import { type Context, throwIfAborted } from '../base/context.ts';
import { conflict } from '../base/errors.ts';
import { mountPointsBelow } from '../base/mount-points.ts';
import type { FileContentStore } from '../content/contract.ts';
import { type Digest, hexOf, isDigest } from '../oci/digest.ts';
import { LayerIndexer } from '../oci/erofs/layer-indexer.ts';
import type { TarLimits } from '../oci/tar/limits.ts';
import { MNT_DETACH } from '../plan/constants.ts';
import type { Launcher } from '../plan/contract.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { LayerReceiver } from './contract.ts';
import { IndexFile } from './index-file.ts';
import { IndexReceiver } from './index-receiver.ts';
import { EMPTY_LAYER, type LayerBuilder, type LayerStore, shortName } from './layer-store.ts';
import { LayerThread } from './layer-thread.ts';
import { fileSink } from './layer-work.ts';

const SUFFIX = '.erofs';

export interface ErofsLayersOptions {
  /** Where the indexes are. */
  readonly directory: string;
  readonly content: FileContentStore;
  readonly launcher: Launcher;
  /** Where layers get mounted; on a filesystem that does not outlive the machine's run. */
  readonly mounts: string;
  readonly tarLimits: Partial<TarLimits>;
}

/**
 * Layers as EROFS indexes `<hex>.erofs` over the tars in the content store. A ready layer is mounted, once for all
 * containers and for as long as nobody asks for its end; mounts outlive the process, and are found again.
 */
export class ErofsLayers implements LayerStore {
  readonly name = 'erofs';
  /** As Docker's: the upper directory alone says what changed. One device number for all files, although layers are several. */
  readonly overlayOptions = ['index=off', 'metacopy=off', 'redirect_dir=off', 'xino=on'];
  readonly #options: ErofsLayersOptions;
  readonly #known = new Map<string, Digest>();
  readonly #mounted: Set<string>;
  readonly #thread = new LayerThread();
  #temporaries = 0;
  /** Mounting and unmounting, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: ErofsLayersOptions) {
    this.#options = options;
    this.#mounted = mountPointsBelow(options.mounts);
  }

  /** Finds indexes and mounts; what an unfinished builder left is deleted. */
  static async open(options: ErofsLayersOptions): Promise<ErofsLayers> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    // Images hold setuid programs and device nodes, which are no business of the host's users.
    await mkdir(options.mounts, { recursive: true, mode: 0o700 });
    await mkdir(join(options.mounts, EMPTY_LAYER), { recursive: true, mode: 0o755 });
    const layers = new ErofsLayers(options);
    for (const name of await readdir(options.directory)) {
      const digest = `sha256:${name.slice(0, -SUFFIX.length)}`;
      if (name.endsWith(SUFFIX) && isDigest(digest)) layers.#learn(digest);
      else await rm(join(options.directory, name), { force: true });
    }
    return layers;
  }

  get directory(): string {
    return this.#options.mounts;
  }

  nameOf(diffId: Digest): string {
    return shortName(diffId);
  }

  has(diffId: Digest): boolean {
    return this.#known.get(shortName(diffId)) === diffId;
  }

  list(): Iterable<Digest> {
    return this.#known.values();
  }

  async usage(diffId: Digest): Promise<number> {
    return (await stat(this.#indexOf(diffId))).blocks * 512;
  }

  async builder(): Promise<LayerBuilder> {
    return new IndexBuilder(this.#newFile(), this.#options.tarLimits);
  }

  async receive(context: Context, expected: Digest | undefined, limit: number): Promise<LayerReceiver> {
    const { content, tarLimits } = this.#options;
    const index = this.#newFile();
    const tar = await content.file(context).catch(async (error: unknown) => {
      await index.cancel();
      throw error;
    });
    const has = (diffId: Digest): boolean => this.has(diffId);
    const thread = this.#thread;
    return new IndexReceiver({ content, tar, index, expected, limit, tarLimits, thread, has });
  }

  ready(context: Context, layers: readonly Digest[]): Promise<void> | undefined {
    if (layers.every((layer) => this.#mounted.has(shortName(layer)))) return undefined;
    return this.#inTurn(() => this.#mount(context, layers));
  }

  remove(context: Context, diffId: Digest): Promise<void> {
    return this.#inTurn(async () => {
      await this.#unmount(context, [shortName(diffId)]);
      this.#known.delete(shortName(diffId));
      await unlink(this.#indexOf(diffId));
    });
  }

  release(context: Context, needed: ReadonlySet<Digest>): Promise<void> {
    const kept = new Set([...needed].map(shortName));
    return this.#inTurn(() =>
      this.#unmount(
        context,
        [...this.#mounted].filter((name) => !kept.has(name)),
      ),
    );
  }

  #newFile(): IndexFile {
    const temporary = join(this.#options.directory, `new-${this.#temporaries++}`);
    return new IndexFile(temporary, (diffId) => this.#adopt(temporary, diffId));
  }

  async #adopt(temporary: string, diffId: Digest): Promise<void> {
    const other = this.#known.get(shortName(diffId));
    if (other !== undefined && other !== diffId)
      throw conflict(`layers ${diffId} and ${other} are too alike`);
    await rename(temporary, this.#indexOf(diffId));
    await syncDirectory(this.#options.directory);
    this.#learn(diffId);
  }

  #learn(diffId: Digest): void {
    this.#known.set(shortName(diffId), diffId);
  }

  #indexOf(diffId: Digest): string {
    return join(this.#options.directory, `${hexOf(diffId)}${SUFFIX}`);
  }

  async #mount(context: Context, layers: readonly Digest[]): Promise<void> {
    const before: Operation[] = [];
    const names = new Set<string>();
    for (const layer of layers) {
      const name = shortName(layer);
      if (this.#mounted.has(name) || names.has(name)) continue;
      names.add(name);
      const target = join(this.#options.mounts, name);
      before.push(
        { op: 'mkdir', dir: HOST, path: target, mode: 0o755 },
        { op: 'erofs', image: this.#indexOf(layer), devices: [this.#options.content.pathOf(layer)], target },
      );
    }
    if (names.size === 0) return;
    throwIfAborted(context);
    try {
      await this.#options.launcher.run(context, { before });
      for (const name of names) this.#mounted.add(name);
    } catch (error) {
      this.#lookAgain();
      throw error;
    }
  }

  async #unmount(context: Context, names: readonly string[]): Promise<void> {
    const mounted = names.filter((name) => this.#mounted.has(name));
    if (mounted.length === 0) return;
    const paths = mounted.map((name) => join(this.#options.mounts, name));
    // Before the launcher is asked, so that nobody counts on them meanwhile.
    for (const name of mounted) this.#mounted.delete(name);
    try {
      await this.#options.launcher.run(context, {
        before: paths.map((path) => ({ op: 'unmount', path, flags: MNT_DETACH })),
      });
    } catch (error) {
      this.#lookAgain();
      throw error;
    }
    for (const path of paths) await rmdir(path).catch(() => {});
  }

  /** A plan may have failed half way. */
  #lookAgain(): void {
    this.#mounted.clear();
    for (const name of mountPointsBelow(this.#options.mounts)) this.#mounted.add(name);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Makes an index from a tar that is stored already. */
class IndexBuilder implements LayerBuilder {
  readonly #file: IndexFile;
  readonly #indexer: LayerIndexer;

  constructor(file: IndexFile, limits: Partial<TarLimits>) {
    this.#file = file;
    this.#indexer = new LayerIndexer(fileSink(file.fd), { limits });
  }

  write(chunk: Uint8Array): void {
    this.#indexer.write(chunk);
  }

  async finish(_context: Context, diffId: Digest): Promise<void> {
    try {
      this.#indexer.finish(diffId);
      await this.#file.adopt(diffId);
    } finally {
      await this.cancel();
    }
  }

  cancel(): Promise<void> {
    return this.#file.cancel();
  }
}
