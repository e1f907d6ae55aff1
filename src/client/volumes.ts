import type { TypeOf } from '../wire/schema.ts';
import type { Volume, VolumeCreateRequest, VolumeList, VolumePruneResponse } from '../wire/volume-types.ts';
import type { Client } from './client.ts';
import type { Filters } from './containers.ts';
import { escapePath } from './query.ts';

export function listVolumes(client: Client, filters?: Filters): Promise<TypeOf<typeof VolumeList>> {
  return client.json('GET', '/volumes', { query: { filters } });
}

/** The answer's text, for those who show it as it came. */
export function inspectVolumeText(client: Client, name: string): Promise<string> {
  return client.text('GET', `/volumes/${escapePath(name)}`);
}

export function createVolume(
  client: Client,
  body: Partial<VolumeCreateRequest>,
): Promise<TypeOf<typeof Volume>> {
  return client.json('POST', '/volumes/create', { json: body });
}

export function removeVolume(client: Client, name: string, force: boolean): Promise<void> {
  return client.send('DELETE', `/volumes/${escapePath(name)}`, { query: { force } });
}

/** Without the filter `all`, only anonymous volumes. */
export function pruneVolumes(client: Client, filters?: Filters): Promise<VolumePruneResponse> {
  return client.json('POST', '/volumes/prune', { query: { filters } });
}
