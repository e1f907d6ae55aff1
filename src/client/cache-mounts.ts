import type { ImportedMount } from '../wire/build-messages.ts';
import type { Client } from './client.ts';
import { escapePath } from './query.ts';
import { diskUsage } from './system.ts';

/** What a record says before the name of its mount. */
const DESCRIPTION = 'cached mount ';

const at = (mount: string): string => `/build/mounts/${escapePath(mount)}/archive`;

/** A tar of all that is in a cache mount. */
export async function exportCacheMount(
  client: Client,
  mount: string,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await client.request('GET', at(mount), { signal });
  return body;
}

/** Puts what a tar has in the place of what is in a cache mount; makes one if there is none. */
export function importCacheMount(
  client: Client,
  mount: string,
  tar: AsyncIterable<Uint8Array>,
): Promise<ImportedMount> {
  const headers = { 'Content-Type': 'application/x-tar' };
  return client.json('PUT', at(mount), { headers, body: tar });
}

/** What Dockerfiles call the cache mounts that are there. */
export async function listCacheMounts(client: Client): Promise<string[]> {
  const { BuildCache } = await diskUsage(client, ['build-cache']);
  const mounts = (BuildCache ?? []).filter(({ Type }) => Type === 'exec.cachemount');
  return [...new Set(mounts.map(({ Description }) => Description.slice(DESCRIPTION.length)))];
}
