import type { Context } from '../base/context.ts';
import { SharedWork } from '../base/shared-work.ts';
import { Slots } from '../base/slots.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { gzip } from './gzip.ts';
import type { LayerForm, LayerForms } from './layer-forms.ts';

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

  /** A gzip form of the layer, in the content store and held by `lease`. Fails with `not-found` when the tar is not here. */
  async compress(context: Context, diffId: Digest, lease: Lease): Promise<LayerForm> {
    const form = await this.#work.run(context, diffId, (own) =>
      this.#turns.run(own.signal, () => this.#compress(own, diffId)),
    );
    lease.hold(form.digest);
    return form;
  }

  async #compress(context: Context, diffId: Digest): Promise<LayerForm> {
    await using writer = await this.#content.writer(context);
    for await (const chunk of gzip(this.#content.read(diffId))) await writer.write(chunk);
    using lease = this.#content.lease();
    const { digest, size } = await writer.commit({}, lease);
    const form = { digest, diffId, mediaType: mediaTypes.dockerLayerGzip, size };
    this.#forms.add(form);
    return form;
  }
}
