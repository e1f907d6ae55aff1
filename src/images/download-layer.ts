import { createHash } from 'node:crypto';
import type { Context } from '../base/context.ts';
import { isCode, SampanError } from '../base/errors.ts';
import type { ContentStore, Lease, PartialWriter } from '../content/contract.ts';
import { decompress } from '../oci/compression.ts';
import { type Digest, finishDigest } from '../oci/digest.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { LayerOffer, LayerProgress } from './contract.ts';
import type { LayerForms } from './layer-forms.ts';
import { receiveLayer } from './receive-layer.ts';

/** A layer to be pulled. */
export type RemoteLayer = LayerOffer;

export interface LayerParts {
  readonly content: ContentStore;
  readonly snapshots: SnapshotDriver;
  readonly forms: LayerForms;
}

/** Says how the layer gets on; `current` in bytes of the layer as the registry has it. */
export type Tell = (step: LayerProgress['step'], current: number, seconds?: number) => void;

/**
 * Brings a layer: its compressed bytes become a blob, and in the same pass its tar becomes another, and the snapshot driver's layer. Goes on
 * from what an earlier try left. Resolves with the size of the tar in bytes.
 */
export async function downloadLayer(
  context: Context,
  parts: LayerParts,
  layer: RemoteLayer,
  tell: Tell,
): Promise<number> {
  const { digest, mediaType, size } = layer.descriptor;
  using lease = parts.content.lease();
  lease.hold(digest);
  const download = new LayerDownload(context, parts, layer, tell, lease);
  const bring = (): Promise<number> => (digest === layer.diffId ? download.tar() : download.compressed());
  const tarSize = await bring().catch((error: unknown) => {
    // Somebody else has brought the same bytes meanwhile.
    if (isCode(error, 'conflict')) return bring();
    throw error;
  });
  tell('unpacked', size);
  parts.forms.add({ digest, diffId: layer.diffId, mediaType, size });
  if (layer.place !== undefined) parts.forms.addPlace(digest, layer.place);
  return tarSize;
}

class LayerDownload {
  readonly #context: Context;
  readonly #parts: LayerParts;
  readonly #layer: RemoteLayer;
  readonly #tell: Tell;
  readonly #lease: Lease;

  constructor(context: Context, parts: LayerParts, layer: RemoteLayer, tell: Tell, lease: Lease) {
    this.#context = context;
    this.#parts = parts;
    this.#layer = layer;
    this.#tell = tell;
    this.#lease = lease;
  }

  /** What is stored as it comes needs no second copy: the layer is made of the blob. */
  async tar(): Promise<number> {
    const { content, snapshots, forms } = this.#parts;
    const { descriptor, diffId } = this.#layer;
    if (!(await this.#isHere())) {
      await this.#throughPartial(async (bytes, commit) => {
        for await (const _ of bytes);
        await commit();
      });
      // By this a sweep knows it for a download, should this end before there is a layer.
      const { digest, mediaType, size } = descriptor;
      forms.add({ digest, diffId, mediaType, size });
    }
    this.#tell('unpacking', descriptor.size);
    try {
      await snapshots.unpack(this.#context, diffId);
    } catch (error) {
      // No tar: it will be none when it is tried again.
      if (isBad(error)) forms.removeOf(diffId);
      throw error;
    }
    return (await content.stat(diffId))?.size ?? 0;
  }

  /** The blob comes last: what ends before it keeps the whole partial, and the next try needs no registry. */
  async compressed(): Promise<number> {
    const { descriptor } = this.#layer;
    if (await this.#isHere()) return await this.#unpack(this.#parts.content.read(descriptor.digest));
    return await this.#throughPartial(async (bytes, commit) => {
      const size = await this.#unpack(bytes);
      await commit();
      this.#tell('unpacking', descriptor.size);
      return size;
    });
  }

  /** Resolves with the size of the tar. Of a layer that is here, in another compression, the bytes are only verified. */
  async #unpack(bytes: AsyncIterable<Uint8Array>): Promise<number> {
    const { snapshots } = this.#parts;
    const { diffId } = this.#layer;
    if (await snapshots.hasLayer(diffId)) return await verifyTar(this.#context, bytes, diffId);
    return (await receiveLayer(this.#context, snapshots, bytes, { diffId })).size;
  }

  async #isHere(): Promise<boolean> {
    return (await this.#parts.content.stat(this.#layer.descriptor.digest)) !== undefined;
  }

  /**
   * Gives the layer's bytes to `work` while they go into the partial. What breaks on the way keeps the partial for the next try; when the
   * bytes themselves are bad, it goes, and if they were an earlier try's they are fetched anew, once.
   */
  async #throughPartial<T>(
    work: (bytes: AsyncIterable<Uint8Array>, commit: () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const transfer = await Transfer.open(this.#context, this.#parts.content, this.#layer, this.#tell);
      try {
        return await work(transfer.bytes(), () => transfer.commit(this.#lease));
      } catch (error) {
        if (!(await transfer.abandon(error))) throw transfer.failure ?? error;
      } finally {
        await transfer.close();
      }
    }
  }
}

function isBad(error: unknown): boolean {
  return isCode(error, 'data-loss') || isCode(error, 'invalid-argument');
}

/** The size of the tar that the bytes decompress to. Fails with `data-loss` when it is another one. */
async function verifyTar(
  context: Context,
  bytes: AsyncIterable<Uint8Array>,
  diffId: Digest,
): Promise<number> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of decompress(bytes)) {
    context.signal.throwIfAborted();
    hash.update(chunk);
    size += chunk.length;
  }
  const found = finishDigest(hash);
  if (found === diffId) return size;
  throw new SampanError('data-loss', `unexpected digest: got ${found}, expected ${diffId}`);
}

/** One way of a layer's bytes: from the partial and then from the registry, into the partial and to the reader. */
class Transfer {
  readonly #context: Context;
  readonly #layer: RemoteLayer;
  readonly #tell: Tell;
  readonly #partial: PartialWriter;
  /** Bytes of an earlier try. */
  readonly #found: number;
  #isWhole = false;
  /** Why the bytes did not come, or could not be kept. */
  failure: unknown;

  private constructor(context: Context, layer: RemoteLayer, tell: Tell, partial: PartialWriter) {
    this.#context = context;
    this.#layer = layer;
    this.#tell = tell;
    this.#partial = partial;
    this.#found = partial.size;
  }

  static async open(
    context: Context,
    content: ContentStore,
    layer: RemoteLayer,
    tell: Tell,
  ): Promise<Transfer> {
    const { digest, size } = layer.descriptor;
    const partial = await content.partial(context, digest);
    if (partial.size <= size) return new Transfer(context, layer, tell, partial);
    await partial.cancel();
    return new Transfer(context, layer, tell, await content.partial(context, digest));
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    const { size } = this.#layer.descriptor;
    let current = 0;
    try {
      for await (const part of this.#partial.existing) {
        current += part.length;
        this.#tell('receiving', current);
        yield part;
      }
      if (current < size || size === 0) {
        const onRetry = (seconds: number): void => this.#tell('retrying', current, seconds);
        for await (const part of this.#layer.open(this.#context, { offset: current, onRetry })) {
          await this.#partial.write(part);
          current += part.length;
          this.#tell('receiving', current);
          yield part;
        }
      }
      this.#isWhole = true;
    } catch (error) {
      this.failure = error;
      throw error;
    }
    this.#tell('verifying', current);
  }

  async commit(lease: Lease): Promise<void> {
    const { digest, size } = this.#layer.descriptor;
    if (!this.#isWhole) {
      throw new SampanError('data-loss', `${digest} has more bytes than its compressed tar`);
    }
    await this.#partial.commit({ digest, size }, lease);
    this.#tell('received', size);
  }

  /** After a failure: forgets bytes that are bad. True when they are worth another try. */
  async abandon(error: unknown): Promise<boolean> {
    if (this.#context.signal.aborted) return false;
    // What has not come yet cannot have been verified, so it may be as good as ever.
    const broke = this.failure !== undefined && this.#partial.size < this.#layer.descriptor.size;
    if (broke) return false;
    await this.#partial.cancel();
    return this.#found > 0 && isBad(error);
  }

  async close(): Promise<void> {
    await this.#partial[Symbol.asyncDispose]();
  }
}
