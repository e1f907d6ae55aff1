import { mkdir, readdir, rename, rm, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../base/atomic-file.ts';
import type { Context } from '../base/context.ts';
import { conflict } from '../base/errors.ts';
import type { FileContentStore } from '../content/contract.ts';
import { type Digest, hexOf, isDigest } from '../oci/digest.ts';
import { LayerTree } from '../oci/tar/layer-tree.ts';
import type { TarLimits } from '../oci/tar/limits.ts';
import { TarReader } from '../oci/tar/reader.ts';
import { sealTree } from '../oci/tar/sealed-tree.ts';
import type { Launcher } from '../plan/contract.ts';
import { diskUsage } from './disk-usage.ts';
import { extractLayer } from './extract.ts';
import { EMPTY_LAYER, type LayerBuilder, type LayerStore, shortName } from './layer-store.ts';

export interface OverlayLayersOptions {
  readonly directory: string;
  readonly content: FileContentStore;
  readonly launcher: Launcher;
  readonly tarLimits: Partial<TarLimits>;
}

/** Layers unpacked into directories `<hex>`, with short names as symbolic links in `l`. Ready as soon as they are known. */
export class OverlayLayers implements LayerStore {
  readonly name = 'overlay';
  /** As Docker's: the upper directory alone says what changed. */
  readonly overlayOptions = ['index=off', 'metacopy=off', 'redirect_dir=off'];
  /** Of the short names. */
  readonly directory: string;
  readonly #options: OverlayLayersOptions;
  readonly #known = new Map<string, Digest>();
  /** Bytes on disk, which never change: a layer of many files takes long to measure. */
  readonly #usage = new Map<Digest, number>();
  #temporaries = 0;
  /** Adding layers, one after the other. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(options: OverlayLayersOptions) {
    this.#options = options;
    this.directory = join(options.directory, 'l');
  }

  /** Finds layers; what was never finished is deleted. */
  static async open(options: OverlayLayersOptions): Promise<OverlayLayers> {
    const layers = new OverlayLayers(options);
    // Layers hold setuid programs and device nodes, which are no business of the host's users.
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    // The short names are made anew: a crash may have left too many or too few.
    await rm(layers.directory, { recursive: true, force: true });
    await mkdir(join(layers.directory, EMPTY_LAYER), { recursive: true, mode: 0o755 });
    for (const name of await readdir(options.directory)) {
      const digest = `sha256:${name}`;
      if (isDigest(digest)) await layers.#learn(digest);
      else if (name !== 'l') await rm(join(options.directory, name), { recursive: true, force: true });
    }
    return layers;
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
    const known = this.#usage.get(diffId);
    if (known !== undefined) return known;
    const { allocated } = await diskUsage(this.#pathOf(diffId));
    this.#usage.set(diffId, allocated);
    return allocated;
  }

  async builder(): Promise<LayerBuilder> {
    return new TreeBuilder(this.#options.tarLimits, (context, tree, diffId) =>
      this.#extract(context, tree, diffId),
    );
  }

  ready(): undefined {}

  async remove(_context: Context, diffId: Digest): Promise<void> {
    this.#known.delete(shortName(diffId));
    this.#usage.delete(diffId);
    await unlink(join(this.directory, shortName(diffId)));
    const trash = this.#temporary();
    await rename(this.#pathOf(diffId), trash);
    await rm(trash, { recursive: true, force: true });
  }

  async release(): Promise<void> {}

  async #extract(context: Context, tree: LayerTree, diffId: Digest): Promise<void> {
    const directory = this.#temporary();
    const { content, launcher } = this.#options;
    await mkdir(directory, { mode: 0o700 });
    try {
      await extractLayer(context, { tree: sealTree(tree), tar: content.pathOf(diffId), directory, launcher });
      const adopted = this.#turn.then(() => this.#adopt(join(directory, 'root'), diffId));
      this.#turn = adopted.catch(() => {});
      await adopted;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #adopt(directory: string, diffId: Digest): Promise<void> {
    // Received twice at once: the other one is as good.
    if (this.has(diffId)) return;
    await rename(directory, this.#pathOf(diffId));
    await syncDirectory(this.#options.directory);
    await this.#learn(diffId);
  }

  async #learn(diffId: Digest): Promise<void> {
    const name = shortName(diffId);
    const other = this.#known.get(name);
    if (other !== undefined) throw conflict(`layers ${diffId} and ${other} are too alike`);
    await symlink(join('..', hexOf(diffId)), join(this.directory, name));
    this.#known.set(name, diffId);
  }

  #pathOf(diffId: Digest): string {
    return join(this.#options.directory, hexOf(diffId));
  }

  #temporary(): string {
    return join(this.#options.directory, `new-${this.#temporaries++}`);
  }
}

/** Reads the headers while the tar goes to the content store; the data are taken from there afterwards. */
class TreeBuilder implements LayerBuilder {
  readonly #reader: TarReader;
  readonly #tree = new LayerTree();
  readonly #extract: (context: Context, tree: LayerTree, diffId: Digest) => Promise<void>;

  constructor(
    limits: Partial<TarLimits>,
    extract: (context: Context, tree: LayerTree, diffId: Digest) => Promise<void>,
  ) {
    this.#reader = new TarReader(limits);
    this.#extract = extract;
  }

  write(chunk: Uint8Array): void {
    for (const event of this.#reader.feed(chunk)) {
      if (!(event instanceof Uint8Array)) this.#tree.add(event);
    }
  }

  finish(context: Context, diffId: Digest): Promise<void> {
    this.#reader.finish();
    return this.#extract(context, this.#tree, diffId);
  }

  async cancel(): Promise<void> {}
}
