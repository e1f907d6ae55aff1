import { type Context, throwIfAborted } from '../base/context.ts';
import { conflict } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { MOUNT_ATTR_RDONLY } from '../plan/constants.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { LayerReceiver, SnapshotDriver, SnapshotMount } from './contract.ts';
import type { HostViews } from './host-views.ts';
import { StreamReceiver } from './layer-receiver.ts';
import { EMPTY_LAYER, type LayerStore } from './layer-store.ts';
import { makeScaffold, SCAFFOLD_LAYER } from './scaffold.ts';
import type { WritableParts } from './writable-parts.ts';

/** What every snapshot of these drivers is: an overlay of a writable directory over ready layers. */
export class StackedDriver implements SnapshotDriver {
  readonly #content: ContentStore;
  readonly #layers: LayerStore;
  readonly #parts: WritableParts;
  readonly #views: HostViews;
  readonly #limit: number;
  readonly #unpacking = new Map<Digest, Promise<void>>();

  constructor(
    content: ContentStore,
    layers: LayerStore,
    parts: WritableParts,
    views: HostViews,
    limit: number,
  ) {
    this.#content = content;
    this.#layers = layers;
    this.#parts = parts;
    this.#views = views;
    this.#limit = limit;
    makeScaffold(layers.directory);
  }

  get name(): string {
    return this.#layers.name;
  }

  async unpack(context: Context, diffId: Digest): Promise<void> {
    if (this.#layers.has(diffId)) return;
    const running = this.#unpacking.get(diffId);
    if (running !== undefined) return running;
    const unpacking = this.#unpack(context, diffId).finally(() => this.#unpacking.delete(diffId));
    this.#unpacking.set(diffId, unpacking);
    return unpacking;
  }

  async receive(context: Context, expected: { readonly diffId?: Digest } = {}): Promise<LayerReceiver> {
    const { diffId } = expected;
    if (this.#layers.receive !== undefined) return this.#layers.receive(context, diffId, this.#limit);
    const builder = await this.#layers.builder();
    const writer = await this.#content.writer(context).catch(async (error: unknown) => {
      await builder.cancel();
      throw error;
    });
    const [content, layers, limit] = [this.#content, this.#layers, this.#limit];
    return new StreamReceiver(context, { content, writer, layers, builder, expected: diffId, limit });
  }

  async hasLayer(diffId: Digest): Promise<boolean> {
    return this.#layers.has(diffId);
  }

  async removeLayer(context: Context, diffId: Digest): Promise<void> {
    if (this.#parts.isUsed(diffId)) throw conflict(`layer ${diffId} is used by a snapshot`);
    if (this.#layers.has(diffId)) await this.#layers.remove(context, diffId);
  }

  async *layers(): AsyncGenerator<Digest, void, void> {
    yield* [...this.#layers.list()];
  }

  async layerUsage(diffId: Digest): Promise<number> {
    return this.#layers.has(diffId) ? this.#layers.usage(diffId) : 0;
  }

  async prepare(_context: Context, key: string, layers: readonly Digest[]): Promise<void> {
    this.#parts.prepare(key, layers);
  }

  remove(_context: Context, key: string): Promise<void> {
    return this.#parts.remove(key);
  }

  async *snapshots(): AsyncGenerator<string, void, void> {
    yield* [...this.#parts.keys()];
  }

  async mount(context: Context, key: string, target: string): Promise<SnapshotMount> {
    const layers = this.#parts.layersOf(key);
    await this.#makeReady(context, layers);
    const lower = [...this.#lowerNames(layers), SCAFFOLD_LAYER];
    return { operations: [this.#overlay(target, lower, key)] };
  }

  async below(context: Context, key: string, target: string): Promise<SnapshotMount> {
    const layers = this.#parts.layersOf(key);
    await this.#makeReady(context, layers);
    const lower = [...this.#lowerNames(layers), SCAFFOLD_LAYER];
    // Without a writable part an overlay wants two layers at least.
    if (lower.length === 1) lower.push(EMPTY_LAYER);
    return { operations: [this.#overlay(target, lower)] };
  }

  async view(context: Context, layers: readonly Digest[], target: string): Promise<SnapshotMount> {
    await this.#makeReady(context, layers);
    if (layers.length === 0) return { operations: [bindEmpty(this.#layers.directory, target)] };
    // Without a writable part an overlay wants two layers at least.
    const lower = this.#lowerNames(layers);
    if (lower.length === 1) lower.push(EMPTY_LAYER);
    return { operations: [this.#overlay(target, lower)] };
  }

  showView(context: Context, name: string, layers: readonly Digest[]): Promise<string> {
    return this.#views.mount(context, name, (target) => this.view(context, layers, target));
  }

  hideView(context: Context, name: string): Promise<boolean> {
    return this.#views.unmount(context, name);
  }

  shownViews(): ReadonlyMap<string, string> {
    return this.#views.list();
  }

  changesPath(key: string): string {
    return this.#parts.path(key, 'upper');
  }

  usage(key: string): Promise<{ readonly bytes: number; readonly inodes: number }> {
    return this.#parts.usage(key);
  }

  describe(key: string): Record<string, string> {
    const { directory } = this.#layers;
    const lower = this.#lowerNames(this.#parts.layersOf(key));
    return {
      LowerDir: lower.map((name) => `${directory}/${name}`).join(':'),
      MergedDir: this.#parts.path(key, 'merged'),
      UpperDir: this.#parts.path(key, 'upper'),
      WorkDir: this.#parts.path(key, 'work'),
    };
  }

  async release(context: Context, inUse: ReadonlySet<string>): Promise<void> {
    const needed = new Set<Digest>();
    for (const key of this.#parts.keys()) {
      if (inUse.has(key)) for (const layer of this.#parts.layersOf(key)) needed.add(layer);
    }
    await this.#layers.release(context, needed);
  }

  async #makeReady(context: Context, layers: readonly Digest[]): Promise<void> {
    for (const layer of layers) {
      if (!this.#layers.has(layer)) await this.unpack(context, layer);
    }
    await this.#layers.ready(context, layers);
  }

  async #unpack(context: Context, diffId: Digest): Promise<void> {
    const builder = await this.#layers.builder();
    try {
      for await (const chunk of this.#content.read(diffId)) {
        throwIfAborted(context);
        builder.write(chunk);
      }
      await builder.finish(context, diffId);
    } finally {
      await builder.cancel();
    }
  }

  /** Topmost first. A layer that occurs twice has no effect the second time, and an overlay would refuse it. */
  #lowerNames(layers: readonly Digest[]): string[] {
    return [...new Set(layers.toReversed())].map((layer) => this.#layers.nameOf(layer));
  }

  #overlay(target: string, lower: readonly string[], key?: string): Operation {
    return {
      op: 'overlay',
      target,
      layersDir: this.#layers.directory,
      lower,
      upper: key === undefined ? '' : this.#parts.path(key, 'upper'),
      work: key === undefined ? '' : this.#parts.path(key, 'work'),
      options: this.#layers.overlayOptions,
      attributes: key === undefined ? MOUNT_ATTR_RDONLY : 0,
    };
  }
}

function bindEmpty(directory: string, target: string): Operation {
  return {
    op: 'bind',
    sourceDir: HOST,
    sourcePath: `${directory}/${EMPTY_LAYER}`,
    root: HOST,
    path: target,
    create: 0,
    recursive: 0,
    set: MOUNT_ATTR_RDONLY,
    clear: 0,
    recursiveAttributes: 0,
    propagation: 0,
  };
}
