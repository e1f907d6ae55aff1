import type { Context } from '../base/context.ts';
import { SampanError } from '../base/errors.ts';
import type { ContentStore } from '../content/contract.ts';
import { decompress } from '../oci/compression.ts';
import type { Digest } from '../oci/digest.ts';
import type { Descriptor } from '../oci/image.ts';
import type { SnapshotDriver } from '../snapshots/contract.ts';
import type { LayerProgress } from './contract.ts';

/** A layer to be pulled. */
export interface RemoteLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** The layer's bytes as the registry has them; fails instead of ending when they are not what the descriptor says. */
  open(context: Context): AsyncIterable<Uint8Array>;
}

export type LayerListener = (progress: LayerProgress) => void;

/** Receives layers, each once at a time: pulls that want the same one at the same moment share it. */
export class LayerPulls {
  readonly #content: ContentStore;
  readonly #snapshots: SnapshotDriver;
  readonly #running = new Map<string, SharedPull>();

  constructor(content: ContentStore, snapshots: SnapshotDriver) {
    this.#content = content;
    this.#snapshots = snapshots;
  }

  /** The size of a layer's tar, in bytes, when the layer is here. */
  async known(diffId: Digest): Promise<number | undefined> {
    if (!(await this.#snapshots.hasLayer(diffId))) return undefined;
    return (await this.#content.stat(diffId))?.size;
  }

  /** Resolves with the size of the layer's tar, in bytes, when the layer is here. */
  async pull(context: Context, layer: RemoteLayer, listener: LayerListener): Promise<number> {
    const { descriptor, diffId } = layer;
    const key = `${descriptor.digest} ${diffId}`;
    for (;;) {
      context.signal.throwIfAborted();
      const running = this.#running.get(key);
      if (running === undefined) return await this.#start(context, key, layer).join(context, listener);
      // Another's failure may be due to its registry, or its user: then this one tries with its own.
      const size = await running.join(context, listener).catch(() => undefined);
      if (size !== undefined) return size;
    }
  }

  #start(context: Context, key: string, layer: RemoteLayer): SharedPull {
    const pull = new SharedPull(layer.descriptor, async (signal, tell) => {
      try {
        return await receive({ ...context, signal }, this.#snapshots, layer, tell);
      } finally {
        this.#running.delete(key);
      }
    });
    this.#running.set(key, pull);
    return pull;
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

  constructor(
    descriptor: Descriptor,
    work: (
      signal: AbortSignal,
      tell: (step: LayerProgress['step'], current: number) => void,
    ) => Promise<number>,
  ) {
    this.#descriptor = descriptor;
    // Begun a moment later: whoever makes it joins it first.
    this.#result = Promise.resolve()
      .then(() => work(this.#stop.signal, (step, current) => this.#tell(step, current)))
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

  #tell(step: LayerProgress['step'], current: number): void {
    const { digest: layer, size: total } = this.#descriptor;
    for (const listener of this.#listeners) listener({ layer, step, current, total });
  }
}

/** Decompresses and indexes a layer while it comes; checks its bytes on the wire and its tar. */
async function receive(
  context: Context,
  snapshots: SnapshotDriver,
  { descriptor, diffId, open }: RemoteLayer,
  tell: (step: LayerProgress['step'], current: number) => void,
): Promise<number> {
  let isWhole = false;
  async function* counted(): AsyncGenerator<Uint8Array> {
    let current = 0;
    for await (const part of open(context)) {
      current += part.length;
      tell('receiving', current);
      yield part;
    }
    isWhole = true;
    tell('verifying', current);
    tell('received', current);
  }
  await using receiver = await snapshots.receive(context, { diffId });
  for await (const chunk of decompress(counted())) {
    context.signal.throwIfAborted();
    await receiver.write(chunk);
  }
  if (!isWhole)
    throw new SampanError('data-loss', `${descriptor.digest} has more bytes than its compressed tar`);
  tell('unpacking', descriptor.size);
  const { size } = await receiver.commit();
  tell('unpacked', descriptor.size);
  return size;
}
