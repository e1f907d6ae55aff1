import type {
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkDisconnectRequest,
  NetworkInspect,
  NetworkPruneResponse,
} from '../wire/network-types.ts';
import type { TypeOf } from '../wire/schema.ts';
import type { Client } from './client.ts';
import type { Filters } from './containers.ts';
import { escapePath } from './query.ts';

export function listNetworks(client: Client, filters?: Filters): Promise<TypeOf<typeof NetworkInspect>[]> {
  return client.json('GET', '/networks', { query: { filters } });
}

export interface NetworkInspectOptions {
  readonly scope?: string | undefined;
  readonly verbose?: boolean | undefined;
}

/** The answer's text, for those who show it as it came. */
export function inspectNetworkText(
  client: Client,
  name: string,
  options: NetworkInspectOptions = {},
): Promise<string> {
  const { scope, verbose } = options;
  return client.text('GET', `/networks/${escapePath(name)}`, {
    query: { scope, verbose: verbose ? 'true' : undefined },
  });
}

export function pruneNetworks(client: Client, filters?: Filters): Promise<NetworkPruneResponse> {
  return client.json('POST', '/networks/prune', { query: { filters } });
}

export function createNetwork(
  client: Client,
  body: Partial<NetworkCreateRequest>,
): Promise<NetworkCreateResponse> {
  return client.json('POST', '/networks/create', { json: body });
}

export function removeNetwork(client: Client, name: string): Promise<void> {
  return client.send('DELETE', `/networks/${escapePath(name)}`);
}

export function connectNetwork(client: Client, name: string, body: NetworkConnectRequest): Promise<void> {
  return client.send('POST', `/networks/${escapePath(name)}/connect`, { json: body });
}

export function disconnectNetwork(
  client: Client,
  name: string,
  body: NetworkDisconnectRequest,
): Promise<void> {
  return client.send('POST', `/networks/${escapePath(name)}/disconnect`, { json: body });
}
