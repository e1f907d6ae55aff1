import { SampanError } from '../base/errors.ts';
import type { ContentFile, ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { TarLimits } from '../oci/tar/limits.ts';
import type { LayerReceiver } from './contract.ts';
import type { IndexFile } from './index-file.ts';
import { LayerThread, SLOT_SIZE } from './layer-thread.ts';
import { LayerWork, type LayerWorkOptions } from './layer-work.ts';

export interface IndexReceiverParts {
  readonly content: ContentStore;
  readonly tar: ContentFile;
  readonly index: IndexFile;
  readonly expected: Digest | undefined;
  /** Bytes of the tar. */
  readonly limit: number;
  readonly tarLimits: Partial<TarLimits>;
  /** Whether a layer is known already, so that its index need not be kept. */
  has(diffId: Digest): boolean;
}

/**
 * Receives a layer as a tar and its index. A thread of its own does the work, which is hashing above all; it is started when the first slot
 * is full, so that small layers do without.
 */
export class IndexReceiver implements LayerReceiver {
  readonly #parts: IndexReceiverParts;
  #slot: SharedArrayBuffer | undefined = new SharedArrayBuffer(SLOT_SIZE);
  #filled = 0;
  #size = 0;
  #thread: LayerThread | undefined;
  #ended = false;

  constructor(parts: IndexReceiverParts) {
    this.#parts = parts;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { limit } = this.#parts;
    this.#size += chunk.length;
    if (this.#size > limit) {
      throw new SampanError('exhausted', `the layer has more than the allowed ${limit} bytes`);
    }
    for (let at = 0; at < chunk.length; ) {
      this.#slot ??= await this.#startedThread().slot();
      const taken = Math.min(chunk.length - at, SLOT_SIZE - this.#filled);
      new Uint8Array(this.#slot, this.#filled, taken).set(chunk.subarray(at, at + taken));
      this.#filled += taken;
      at += taken;
      if (this.#filled === SLOT_SIZE) this.#handOver(this.#startedThread());
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
    await this.#thread?.stop();
    await this.#parts.tar.cancel();
    await this.#parts.index.cancel();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }

  async #finish(): Promise<{ readonly diffId: Digest; readonly size: number }> {
    const { expected } = this.#parts;
    const thread = this.#thread;
    if (thread !== undefined) {
      this.#handOver(thread);
      const made = await thread.finish(expected);
      await thread.stop();
      this.#thread = undefined;
      return made;
    }
    const work = new LayerWork(this.#workOptions());
    if (this.#slot !== undefined) work.write(new Uint8Array(this.#slot, 0, this.#filled));
    return work.finish(expected);
  }

  #startedThread(): LayerThread {
    this.#thread ??= new LayerThread(this.#workOptions());
    return this.#thread;
  }

  #workOptions(): LayerWorkOptions {
    const { tar, index, tarLimits } = this.#parts;
    return { tar: tar.fd, index: index.fd, limits: tarLimits };
  }

  #handOver(thread: LayerThread): void {
    if (this.#slot !== undefined && this.#filled > 0) thread.write(this.#slot, this.#filled);
    this.#slot = undefined;
    this.#filled = 0;
  }
}
