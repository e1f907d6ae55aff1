import { SampanError } from '../base/errors.ts';
import type { ContentFile, ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { TarLimits } from '../oci/tar/limits.ts';
import type { LayerReceiver } from './contract.ts';
import type { IndexFile } from './index-file.ts';
import { type LayerThread, SLOT_SIZE, type ThreadedLayer } from './layer-thread.ts';
import { LayerWork, type LayerWorkOptions, type MadeLayer } from './layer-work.ts';

export interface IndexReceiverParts {
  readonly content: ContentStore;
  readonly tar: ContentFile;
  readonly index: IndexFile;
  readonly expected: Digest | undefined;
  /** Bytes of the tar. */
  readonly limit: number;
  readonly tarLimits: Partial<TarLimits>;
  readonly thread: LayerThread;
  /** Whether a layer is known already, so that its index need not be kept. */
  has(diffId: Digest): boolean;
}

/**
 * Receives a layer as a tar and its index. Another thread does the work, which is hashing above all; it is asked when the first slot is full,
 * so that small layers do without.
 */
export class IndexReceiver implements LayerReceiver {
  readonly #parts: IndexReceiverParts;
  #slot: SharedArrayBuffer | undefined;
  #filled = 0;
  #size = 0;
  #work: ThreadedLayer | undefined;
  #ended = false;

  constructor(parts: IndexReceiverParts) {
    this.#parts = parts;
    this.#slot = parts.thread.slot();
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { limit } = this.#parts;
    this.#size += chunk.length;
    if (this.#size > limit) {
      throw new SampanError('exhausted', `the layer has more than the allowed ${limit} bytes`);
    }
    for (let at = 0; at < chunk.length; ) {
      this.#slot ??= await this.#threaded().slot();
      const taken = Math.min(chunk.length - at, SLOT_SIZE - this.#filled);
      new Uint8Array(this.#slot, this.#filled, taken).set(chunk.subarray(at, at + taken));
      this.#filled += taken;
      at += taken;
      if (this.#filled === SLOT_SIZE) this.#handOver(this.#threaded());
    }
  }

  async commit(): Promise<{ readonly diffId: Digest; readonly size: number }> {
    const { content, tar, index, has } = this.#parts;
    const { diffId, size } = await this.#finish();
    // Until the layer is known, nothing else keeps its tar.
    using lease = content.lease();
    await tar.publish(diffId, lease);
    if (!has(diffId)) await index.adopt(diffId);
    await this.cancel();
    return { diffId, size };
  }

  async cancel(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#work?.close();
    await this.#parts.tar.cancel();
    await this.#parts.index.cancel();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }

  async #finish(): Promise<MadeLayer> {
    const { expected } = this.#parts;
    if (this.#work !== undefined) {
      this.#handOver(this.#work);
      const made = await this.#work.finish(expected);
      await this.#work.close();
      return made;
    }
    const work = new LayerWork(this.#workOptions());
    if (this.#slot !== undefined) work.write(new Uint8Array(this.#slot, 0, this.#filled));
    return work.finish(expected);
  }

  #threaded(): ThreadedLayer {
    this.#work ??= this.#parts.thread.open(this.#workOptions());
    return this.#work;
  }

  #workOptions(): LayerWorkOptions {
    const { tar, index, tarLimits } = this.#parts;
    return { tar: tar.fd, index: index.fd, limits: tarLimits };
  }

  #handOver(work: ThreadedLayer): void {
    if (this.#slot !== undefined && this.#filled > 0) work.write(this.#slot, this.#filled);
    this.#slot = undefined;
    this.#filled = 0;
  }
}
