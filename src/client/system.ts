import type { BuildPruneResponse, DiskUsage } from '../wire/disk-usage-types.ts';
import type { TypeOf } from '../wire/schema.ts';
import type { EventMessage, Info, Version } from '../wire/system-types.ts';
import type { Client } from './client.ts';
import type { Filters } from './containers.ts';
import { jsonTexts } from './json-stream.ts';

export function serverVersion(client: Client): Promise<TypeOf<typeof Version>> {
  return client.json('GET', '/version');
}

export function serverInfo(client: Client): Promise<TypeOf<typeof Info>> {
  return client.json('GET', '/info');
}

export interface EventOptions {
  /** Seconds since the epoch, with fraction. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly filters?: Filters | undefined;
}

/** Subscribed when this resolves. */
export function serverEvents(
  client: Client,
  options: EventOptions,
  signal?: AbortSignal,
): Promise<AsyncIterable<TypeOf<typeof EventMessage>>> {
  return client.values('GET', '/events', { query: { ...options }, signal });
}

/** The same as JSON texts: times in nanoseconds are more than a JavaScript number holds. */
export async function serverEventTexts(
  client: Client,
  options: EventOptions,
): Promise<AsyncIterable<string>> {
  const { body } = await client.request('GET', '/events', { query: { ...options } });
  return jsonTexts(body);
}

export type StorageKind = 'image' | 'container' | 'volume' | 'build-cache';

/** What the engine keeps on disk; all kinds unless some are named. */
export function diskUsage(client: Client, kinds: readonly StorageKind[] = []): Promise<DiskUsage> {
  return client.json('GET', '/system/df', { query: { type: kinds } });
}

export interface BuildPruneOptions {
  readonly all?: boolean | undefined;
  readonly filters?: Filters | undefined;
  /** Bytes; the older name of `reservedSpace`, which all daemons know. */
  readonly keepStorage?: number | undefined;
  /** Bytes. */
  readonly reservedSpace?: number | undefined;
  readonly maxUsedSpace?: number | undefined;
  readonly minFreeSpace?: number | undefined;
}

export function pruneBuildCache(
  client: Client,
  options: BuildPruneOptions = {},
): Promise<BuildPruneResponse> {
  const { all, filters, keepStorage, reservedSpace, maxUsedSpace, minFreeSpace } = options;
  return client.json('POST', '/build/prune', {
    query: {
      all,
      filters,
      'keep-storage': keepStorage,
      'reserved-space': reservedSpace,
      'max-used-space': maxUsedSpace,
      'min-free-space': minFreeSpace,
    },
  });
}
