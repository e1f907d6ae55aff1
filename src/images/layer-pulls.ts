import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import { Slots } from '../base/slots.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import type { LayerProgress } from './contract.ts';
import { downloadLayer, type LayerParts, type RemoteLayer, type Tell } from './download-layer.ts';

export type LayerListener = (progress: LayerProgress) => void;

export interface LayerPullsOptions extends LayerParts {
  /** Layers that are received at the same time, over all pulls. */
  readonly maxConcurrentDownloads?: () => number;
}

const DEFAULT_DOWNLOADS = 3;

/** Receives layers, each once at a time: pulls that want the same one at the same moment share it. */
export class LayerPulls {
  readonly #options: LayerPullsOptions;
  readonly #limit: () => number;
  readonly #slots: Slots;
  readonly #running = new Map<Digest, SharedPull>();

  constructor(options: LayerPullsOptions) {
    this.#options = options;
    this.#limit = options.maxConcurrentDownloads ?? (() => DEFAULT_DOWNLOADS);
    this.#slots = new Slots(this.#limit);
  }

  get maxConcurrent(): number {
    return Math.max(1, this.#limit());
  }

  /** The size of a layer's tar, in bytes, when the layer is here, and its blob too: without that a push could not repeat the manifest. */
  async known(layer: RemoteLayer): Promise<number | undefined> {
    const { content, snapshots, forms } = this.#options;
    const { diffId, place } = layer;
    const { digest } = layer.descriptor;
    if (!(await snapshots.hasLayer(diffId))) return undefined;
    const isForm = forms.get(digest)?.diffId === diffId;
    if (digest !== diffId && !(isForm && (await content.stat(digest)))) return undefined;
    if (isForm && place !== undefined) forms.addPlace(digest, place);
    return (await content.stat(diffId))?.size;
  }

  /** Resolves with the size of the layer's tar, in bytes, when the layer is here. */
  async pull(context: Context, layer: RemoteLayer, listener: LayerListener): Promise<number> {
    const { digest } = layer.descriptor;
    // Who shares a layer knows it by its own name.
    const listen: LayerListener = (progress) => listener({ ...progress, layer: digest });
    for (;;) {
      context.signal.throwIfAborted();
      const running = this.#running.get(layer.diffId);
      if (running === undefined) return await this.#start(context, layer).join(context, listen);
      // Another's failure may be due to its registry, or its user: then this one tries with its own.
      await running.join(context, listen).catch(() => {});
      // It may have brought the layer in another compression.
      const size = await this.known(layer);
      if (size !== undefined) return size;
    }
  }

  #start(context: Context, layer: RemoteLayer): SharedPull {
    const pull = new SharedPull(layer.descriptor, async (signal, tell) => {
      try {
        if (this.#slots.areTaken) tell('waiting', 0);
        return await this.#slots.run(signal, () => this.#receive({ ...context, signal }, layer, tell));
      } finally {
        this.#running.delete(layer.diffId);
      }
    });
    this.#running.set(layer.diffId, pull);
    return pull;
  }

  async #receive(context: Context, layer: RemoteLayer, tell: Tell): Promise<number> {
    // It may have come while this one waited.
    const size = await this.known(layer);
    if (size === undefined) return await downloadLayer(context, this.#options, layer, tell);
    tell('known', layer.descriptor.size);
    return size;
  }
}

/** One transfer, and all who wait for it; it is given up when nobody does any more. */
class SharedPull {
  readonly #result: Promise<number>;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<LayerListener>();
  readonly #descriptor: Descriptor;
  #waiting = 0;
  #isOver = false;

  constructor(descriptor: Descriptor, work: (signal: AbortSignal, tell: Tell) => Promise<number>) {
    this.#descriptor = descriptor;
    // Begun a moment later: whoever makes it joins it first.
    this.#result = Promise.resolve()
      .then(() => work(this.#stop.signal, (...progress) => this.#tell(...progress)))
      .finally(() => {
        this.#isOver = true;
      });
    this.#result.catch(() => {});
  }

  async join(context: Context, listener: LayerListener): Promise<number> {
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(context.signal.reason);
    context.signal.addEventListener('abort', leave);
    this.#listeners.add(listener);
    this.#waiting++;
    try {
      return await Promise.race([this.#result, left.promise]);
    } finally {
      context.signal.removeEventListener('abort', leave);
      this.#listeners.delete(listener);
      this.#waiting--;
      await this.#stopIfAlone();
    }
  }

  /** The last to leave waits until nothing is written any more. */
  async #stopIfAlone(): Promise<void> {
    if (this.#waiting > 0 || this.#isOver) return;
    this.#stop.abort(new SampanError('cancelled', 'the pull was given up'));
    await this.#result.catch(() => {});
  }

  #tell(step: LayerProgress['step'], current: number, seconds?: number): void {
    const { digest: layer, size: total } = this.#descriptor;
    const progress = { layer, step, current, total, ...(seconds === undefined ? {} : { seconds }) };
    for (const listener of this.#listeners) listener(progress);
  }
}
