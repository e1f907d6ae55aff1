import type { Context } from '../base/context.ts';
import { SharedWork } from '../base/shared-work.ts';
import { Slots } from '../base/slots.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { LayerEncoding } from './contract.ts';
import { gzip } from './gzip.ts';
import type { LayerForm, LayerForms } from './layer-forms.ts';
import { zstd } from './zstd.ts';

type CompressedEncoding = Exclude<LayerEncoding, 'uncompressed'>;

/** Docker's media types know no zstd. */
const encodings = {
  gzip: { compress: gzip, mediaType: mediaTypes.dockerLayerGzip },
  zstd: { compress: zstd, mediaType: mediaTypes.ociLayerZstd },
} as const;

/** Makes compressed forms of layers that have none, each once: pushes that want the same one at the same moment share it. */
export class LayerCompression {
  readonly #content: ContentStore;
  readonly #forms: LayerForms;
  readonly #work = new SharedWork<LayerForm>();
  /** One layer takes all cores; more at once would only take more memory. */
  readonly #turns = new Slots(() => 1);

  constructor(content: ContentStore, forms: LayerForms) {
    this.#content = content;
    this.#forms = forms;
  }

  /** A compressed form of the layer, in the content store and held by `lease`. Fails with `not-found` when the tar is not here. */
  async compress(
    context: Context,
    diffId: Digest,
    lease: Lease,
    encoding: CompressedEncoding = 'gzip',
  ): Promise<LayerForm> {
    const form = await this.#work.run(context, `${encoding} ${diffId}`, (own) =>
      this.#turns.run(own.signal, () => this.#compress(own, diffId, encoding)),
    );
    lease.hold(form.digest);
    return form;
  }

  async #compress(context: Context, diffId: Digest, encoding: CompressedEncoding): Promise<LayerForm> {
    const { compress, mediaType } = encodings[encoding];
    await using writer = await this.#content.writer(context);
    for await (const chunk of compress(this.#content.read(diffId))) await writer.write(chunk);
    using lease = this.#content.lease();
    const { digest, size } = await writer.commit({}, lease);
    const form = { digest, diffId, mediaType, size };
    this.#forms.add(form);
    return form;
  }
}
