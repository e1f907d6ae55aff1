import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { SharedWork } from '../base/shared-work.ts';
import { Slots } from '../base/slots.ts';
import type { ContentStore, Lease } from '../content/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { PushProgress } from './contract.ts';
import type { LayerCompression } from './layer-compression.ts';
import type { LayerForm, LayerForms } from './layer-forms.ts';
import type { PushDestination } from './push-destination.ts';
import { together } from './together.ts';

export type PushListener = (progress: PushProgress) => void;

/** A layer to be pushed, in a form that a manifest names, or in whichever will do. */
export interface PushedLayer {
  readonly diffId: Digest;
  readonly form: LayerForm | undefined;
}

/** The form that a manifest names is neither here nor in the registry any more. */
export class FormGone extends SampanError {
  constructor(digest: Digest) {
    super('not-found', `the layer ${digest} is not here any more as it was pulled`);
  }
}

/** Forms asked for in a registry: a layer that was pulled from many places has many. */
const MAX_CANDIDATES = 4;

/** Brings layers to registries, at the same time and each once, with as few bytes as will do. */
export class LayerPushes {
  readonly #content: ContentStore;
  readonly #forms: LayerForms;
  readonly #compression: LayerCompression;
  readonly #slots: Slots;
  readonly #uploads = new SharedWork<void>();

  constructor(
    content: ContentStore,
    forms: LayerForms,
    compression: LayerCompression,
    maxConcurrentUploads: () => number,
  ) {
    this.#content = content;
    this.#forms = forms;
    this.#compression = compression;
    this.#slots = new Slots(maxConcurrentUploads);
  }

  /** Resolves with the forms that the destination has now, in the order of the layers. Fails with `FormGone`. */
  async push(
    context: Context,
    destination: PushDestination,
    layers: readonly PushedLayer[],
    lease: Lease,
    listener: PushListener,
  ): Promise<LayerForm[]> {
    const unique = [...new Map(layers.map((layer) => [layer.form?.digest ?? layer.diffId, layer])).values()];
    for (const { diffId, form } of unique) {
      listener({ layer: diffId, step: 'preparing', current: 0, total: form?.size ?? 0 });
    }
    const pushed = await together(context, unique, async (own, layer) => {
      const tell = (step: PushProgress['step'], more: Partial<PushProgress> = {}): void =>
        listener({ layer: layer.diffId, step, current: 0, total: layer.form?.size ?? 0, ...more });
      if (this.#slots.areTaken) tell('waiting');
      const form = await this.#slots.run(own.signal, () => this.#one(own, destination, layer, lease, tell));
      return [layer.form?.digest ?? layer.diffId, form] as const;
    });
    const forms = new Map(pushed);
    return layers.flatMap((layer) => forms.get(layer.form?.digest ?? layer.diffId) ?? []);
  }

  async #one(
    context: Context,
    destination: PushDestination,
    { diffId, form }: PushedLayer,
    lease: Lease,
    tell: (step: PushProgress['step'], more?: Partial<PushProgress>) => void,
  ): Promise<LayerForm> {
    const candidates = form === undefined ? await this.#candidates(diffId) : [form];
    for (const candidate of candidates) {
      if (!(await destination.has(context, candidate))) continue;
      tell('exists');
      return candidate;
    }
    for (const candidate of candidates) {
      const from = await destination.mount(context, candidate);
      if (from === undefined) continue;
      tell('mounted', { from });
      return candidate;
    }
    tell('pushing', { total: candidates[0]?.size ?? 0 });
    const found = (await this.#stored(candidates)) ?? (await this.#make(context, diffId, form, lease));
    lease.hold(found.digest);
    const { digest, size: total } = found;
    await this.#uploads.run(context, `${destination.repository} ${digest}`, (own) =>
      destination.upload(own, found, {
        onProgress: (current) => tell('pushing', { current, total }),
        onRetry: (seconds) => tell('retrying', { total, seconds }),
      }),
    );
    tell('pushed', { current: total, total });
    return found;
  }

  /** Gzip forms, which a Docker manifest can name: those that are here first. */
  async #candidates(diffId: Digest): Promise<LayerForm[]> {
    const here: LayerForm[] = [];
    const known: LayerForm[] = [];
    for (const form of this.#forms.of(diffId)) {
      if (!form.mediaType.endsWith('gzip')) continue;
      ((await this.#content.stat(form.digest)) === undefined ? known : here).push(form);
    }
    return [...here, ...known].slice(0, MAX_CANDIDATES);
  }

  async #stored(candidates: readonly LayerForm[]): Promise<LayerForm | undefined> {
    for (const candidate of candidates) {
      if ((await this.#content.stat(candidate.digest)) !== undefined) return candidate;
    }
    return undefined;
  }

  #make(context: Context, diffId: Digest, form: LayerForm | undefined, lease: Lease): Promise<LayerForm> {
    if (form !== undefined) throw new FormGone(form.digest);
    return this.#compression.compress(context, diffId, lease);
  }
}
