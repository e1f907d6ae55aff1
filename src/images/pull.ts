import type { Context } from '../base/context.ts';
import { invalid } from '../base/errors.ts';
import type { RemoteImage } from '../distribution/contract.ts';
import type { ImageConfig } from '../oci/image.ts';
import type { RemoteLayer } from './download-layer.ts';
import type { LayerListener, LayerPulls } from './layer-pulls.ts';

/** Pairs the manifest's layers with the configuration's diff IDs, bottom first; `place` is the repository that has them. Fails with `invalid-argument` when they do not match. */
export function layersOf(remote: RemoteImage, config: ImageConfig, place: string): RemoteLayer[] {
  const { layers } = remote.manifest;
  const diffIds = config.rootfs.diff_ids;
  if (layers.length !== diffIds.length) {
    throw invalid(
      `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layers.length}`,
    );
  }
  return diffIds.flatMap((diffId, position) => {
    const descriptor = layers[position];
    if (descriptor === undefined) return [];
    const open: RemoteLayer['open'] = (context, options) => remote.layer(context, descriptor, options);
    return { diffId, descriptor, place, open };
  });
}

/** Brings the layers that are not here, some at a time; resolves with the sizes of all tars in bytes, bottom first. */
export async function pullLayers(
  context: Context,
  pulls: LayerPulls,
  layers: readonly RemoteLayer[],
  listener: LayerListener,
): Promise<number[]> {
  const sizes = new Map<string, number>();
  const missing: RemoteLayer[] = [];
  for (const layer of new Map(layers.map((layer) => [layer.diffId, layer])).values()) {
    const size = await pulls.known(layer);
    if (size === undefined) missing.push(layer);
    else sizes.set(layer.diffId, size);
    const { digest, size: total } = layer.descriptor;
    listener({ layer: digest, step: size === undefined ? 'found' : 'known', current: 0, total });
  }
  for (const { descriptor } of missing.slice(pulls.maxConcurrent)) {
    listener({ layer: descriptor.digest, step: 'waiting', current: 0, total: descriptor.size });
  }
  await someAtATime(context, missing, pulls.maxConcurrent, async (own, layer) => {
    sizes.set(layer.diffId, await pulls.pull(own, layer, listener));
  });
  return layers.map(({ diffId }) => sizes.get(diffId) ?? 0);
}

/** Does the work for all items; the first failure ends the others, and is thrown when they have ended. */
async function someAtATime<T>(
  context: Context,
  items: readonly T[],
  atATime: number,
  work: (context: Context, item: T) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const own = { ...context, signal: AbortSignal.any([context.signal, failed.signal]) };
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      own.signal.throwIfAborted();
      await work(own, item);
    }
  };
  const workers = Array.from({ length: Math.min(atATime, items.length) }, () =>
    worker().catch((error) => failed.abort(error)),
  );
  await Promise.all(workers);
  own.signal.throwIfAborted();
}
