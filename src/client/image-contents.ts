import type { ImageMount, LayerChange, LayerReport } from '../wire/image-content-types.ts';
import type { Client } from './client.ts';
import { inspectImage } from './images.ts';
import { escapePath } from './query.ts';

export function listImageMounts(client: Client): Promise<ImageMount[]> {
  return client.json('GET', '/images/mounts');
}

export function mountImage(client: Client, name: string): Promise<ImageMount> {
  return client.json('POST', `/images/${escapePath(name)}/mount`);
}

/** False when it was not mounted. */
export async function unmountImage(client: Client, name: string): Promise<boolean> {
  const { Id } = await inspectImage(client, name);
  const { status, body } = await client.request('DELETE', `/images/${Id}/mount`);
  for await (const _ of body);
  return status !== 304;
}

export function imageLayers(client: Client, name: string): Promise<LayerReport[]> {
  return client.json('GET', `/images/${escapePath(name)}/layers`);
}

/** `layer` is a diff ID ("sha256:…"). */
export function imageLayerChanges(
  client: Client,
  name: string,
  layer: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<LayerChange>> {
  return client.values('GET', `/images/${escapePath(name)}/layers/${layer}/changes`, { signal });
}
