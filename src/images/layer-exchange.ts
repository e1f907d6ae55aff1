import type { Context } from '../base/context.ts';
import { notFound } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { LayerEncoding, LayerExchange, LayerLease, LayerOffer } from './contract.ts';
import type { LayerCompression } from './layer-compression.ts';
import type { LayerForm, LayerForms } from './layer-forms.ts';
import type { LayerKeeper } from './layer-keeper.ts';
import type { LayerListener, LayerPulls } from './layer-pulls.ts';

export interface LayerExchangeParts {
  readonly content: ContentStore;
  readonly keeper: LayerKeeper;
  readonly pulls: LayerPulls;
  readonly forms: LayerForms;
  readonly compression: LayerCompression;
}

const suffixes: Readonly<Record<LayerEncoding, RegExp>> = {
  uncompressed: /tar$/,
  gzip: /gzip$/,
  zstd: /zstd$/,
};

/** What pulls and pushes do with layers, for whoever has no image. */
export class StoredLayerExchange implements LayerExchange {
  readonly #parts: LayerExchangeParts;

  constructor(parts: LayerExchangeParts) {
    this.#parts = parts;
  }

  async bring(
    context: Context,
    lease: LayerLease,
    offer: LayerOffer,
    onLayer: LayerListener = () => {},
  ): Promise<void> {
    const { keeper, pulls } = this.#parts;
    lease.hold(offer.diffId);
    await keeper.receiving(context, async () => {
      // What only has the same name is not enough: whoever offers it has to have it.
      if ((await pulls.known(offer)) === undefined) await pulls.pull(context, offer, onLayer);
    });
  }

  async form(
    context: Context,
    lease: LayerLease,
    layer: Digest,
    encoding: LayerEncoding,
  ): Promise<LayerForm> {
    const { content, forms, compression } = this.#parts;
    lease.hold(layer);
    if (encoding === 'uncompressed') return this.#tar(layer);
    for (const form of forms.of(layer)) {
      const suits = suffixes[encoding].test(form.mediaType);
      if (suits && (await content.stat(form.digest)) !== undefined) return form;
    }
    using blobs = content.lease();
    return await compression.compress(context, layer, blobs, encoding);
  }

  read({ digest }: LayerForm, offset: number): AsyncIterable<Uint8Array> {
    return this.#parts.content.read(digest, { offset });
  }

  async #tar(layer: Digest): Promise<LayerForm> {
    const blob = await this.#parts.content.stat(layer);
    if (blob === undefined) throw notFound(`layer ${layer} does not exist`);
    return { digest: layer, diffId: layer, mediaType: mediaTypes.dockerLayer, size: blob.size };
  }
}
