import type { Context } from '../../base/context.ts';
import { SampanError } from '../../base/errors.ts';
import type { ContentStore } from '../../content/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import { TarReader } from '../../oci/tar/reader.ts';
import type { LayerReceiver, SnapshotDriver, SnapshotMount } from '../../snapshots/contract.ts';

/** Layers in memory, whose tars are read as the real drivers read them; snapshots are out of its scope. */
export class MemorySnapshots implements SnapshotDriver {
  readonly name = 'memory';
  readonly #content: ContentStore;
  readonly #layers = new Set<Digest>();
  readonly #views = new Map<string, string>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  async receive(context: Context, expected: { readonly diffId?: Digest } = {}): Promise<LayerReceiver> {
    const writer = await this.#content.writer(context);
    const reader = new TarReader();
    const layers = this.#layers;
    return {
      async write(chunk) {
        for (const _ of reader.feed(chunk));
        await writer.write(chunk);
      },
      async commit() {
        reader.finish();
        const { digest, size } = await writer.commit(
          expected.diffId === undefined ? {} : { digest: expected.diffId },
        );
        layers.add(digest);
        return { diffId: digest, size };
      },
      cancel: () => writer.cancel(),
      [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
    };
  }

  async unpack(_context: Context, diffId: Digest): Promise<void> {
    const reader = new TarReader();
    for await (const chunk of this.#content.read(diffId)) for (const _ of reader.feed(chunk));
    reader.finish();
    this.#layers.add(diffId);
  }

  async hasLayer(diffId: Digest): Promise<boolean> {
    return this.#layers.has(diffId);
  }

  async removeLayer(_context: Context, diffId: Digest): Promise<void> {
    this.#layers.delete(diffId);
  }

  async *layers(): AsyncGenerator<Digest> {
    yield* [...this.#layers];
  }

  async layerUsage(diffId: Digest): Promise<number> {
    return this.#layers.has(diffId) ? 4_096 : 0;
  }

  async showView(_context: Context, name: string): Promise<string> {
    this.#views.set(name, `/views/${name}`);
    return `/views/${name}`;
  }

  async hideView(_context: Context, name: string): Promise<boolean> {
    return this.#views.delete(name);
  }

  shownViews(): ReadonlyMap<string, string> {
    return this.#views;
  }

  async *snapshots(): AsyncGenerator<string> {}

  async prepare(): Promise<void> {
    throw outOfScope();
  }

  async remove(): Promise<void> {
    throw outOfScope();
  }

  async mount(): Promise<SnapshotMount> {
    throw outOfScope();
  }

  async below(): Promise<SnapshotMount> {
    throw outOfScope();
  }

  async view(): Promise<SnapshotMount> {
    throw outOfScope();
  }

  changesPath(): string {
    throw outOfScope();
  }

  async usage(): Promise<{ bytes: number; inodes: number }> {
    throw outOfScope();
  }

  describe(): Record<string, string> {
    return {};
  }

  async release(): Promise<void> {}
}

function outOfScope(): SampanError {
  return new SampanError('unimplemented', 'layers in memory cannot be mounted');
}
