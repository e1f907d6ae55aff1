import type { TypeOf } from '../wire/schema.ts';
import type { Volume, VolumeSnapshot } from '../wire/volume-types.ts';
import type { Client } from './client.ts';
import { escapePath } from './query.ts';

type VolumeAnswer = TypeOf<typeof Volume>;

const at = (volume: string, rest: string): string => `/volumes/${escapePath(volume)}/${rest}`;

export function renameVolume(client: Client, volume: string, name: string): Promise<VolumeAnswer> {
  return client.json('POST', at(volume, 'rename'), { query: { name } });
}

export function cloneVolume(client: Client, volume: string, name: string): Promise<VolumeAnswer> {
  return client.json('POST', at(volume, 'clone'), { query: { name } });
}

/** Oldest first. */
export function listVolumeSnapshots(client: Client, volume: string): Promise<VolumeSnapshot[]> {
  return client.json('GET', at(volume, 'snapshots'));
}

/** An empty name lets the daemon choose one. */
export function snapshotVolume(client: Client, volume: string, snapshot: string): Promise<VolumeSnapshot> {
  return client.json('POST', at(volume, 'snapshots'), { query: { snapshot } });
}

export function removeVolumeSnapshot(client: Client, volume: string, snapshot: string): Promise<void> {
  return client.send('DELETE', at(volume, 'snapshots'), { query: { snapshot } });
}

export function restoreVolume(client: Client, volume: string, snapshot: string): Promise<void> {
  return client.send('POST', at(volume, 'restore'), { query: { snapshot } });
}

/** A tar of all that is in the volume. */
export async function exportVolume(
  client: Client,
  volume: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await client.request('GET', at(volume, 'archive'), { signal });
  return body;
}

/** Fills a new or empty volume. */
export function importVolume(
  client: Client,
  volume: string,
  tar: AsyncIterable<Uint8Array>,
): Promise<VolumeAnswer> {
  const headers = { 'Content-Type': 'application/x-tar' };
  return client.json('PUT', at(volume, 'archive'), { headers, body: tar });
}
