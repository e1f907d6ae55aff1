import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import type { ContentStore, ContentWriter } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { LayerReceiver } from './contract.ts';
import type { LayerBuilder, LayerStore } from './layer-store.ts';

export interface ReceiverParts {
  readonly content: ContentStore;
  readonly writer: ContentWriter;
  readonly layers: LayerStore;
  readonly builder: LayerBuilder;
  readonly expected: Digest | undefined;
  /** Bytes of the tar. */
  readonly limit: number;
}

/** Sends the bytes of a tar to the content store and to the layer's builder at once. */
export class StreamReceiver implements LayerReceiver {
  readonly #context: Context;
  readonly #parts: ReceiverParts;

  constructor(context: Context, parts: ReceiverParts) {
    this.#context = context;
    this.#parts = parts;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { writer, builder, limit } = this.#parts;
    if (writer.size + chunk.length > limit) {
      throw new SampanError('exhausted', `the layer has more than the allowed ${limit} bytes`);
    }
    builder.write(chunk);
    await writer.write(chunk);
  }

  async commit(): Promise<{ readonly diffId: Digest; readonly size: number }> {
    const { content, writer, layers, builder, expected } = this.#parts;
    // Until the layer is known, nothing else keeps its tar.
    using lease = content.lease();
    const { digest: diffId, size } = await writer.commit(
      expected === undefined ? {} : { digest: expected },
      lease,
    );
    if (layers.has(diffId)) await builder.cancel();
    else await builder.finish(this.#context, diffId);
    return { diffId, size };
  }

  async cancel(): Promise<void> {
    await Promise.all([this.#parts.writer.cancel(), this.#parts.builder.cancel()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }
}
