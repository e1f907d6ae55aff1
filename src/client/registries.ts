import type { AuthConfig, AuthResponse, DistributionInspect, SearchResult } from '../wire/registry-types.ts';
import type { Client } from './client.ts';
import type { Filters } from './containers.ts';
import { escapePath } from './query.ts';

/** Base64url of credentials as JSON, as `X-Registry-Auth` carries them. */
export function encodeAuth(auth: AuthConfig): string {
  const bytes = new TextEncoder().encode(JSON.stringify(auth));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}

/** Shows the credentials to the registry at `serveraddress`. */
export function authenticate(client: Client, auth: AuthConfig): Promise<AuthResponse> {
  return client.json('POST', '/auth', { json: auth });
}

export interface SearchOptions {
  readonly limit?: number | undefined;
  readonly filters?: Filters | undefined;
  /** Base64url of the registry's credentials as JSON. */
  readonly auth?: string | undefined;
}

export function searchImages(
  client: Client,
  term: string,
  options: SearchOptions = {},
): Promise<SearchResult[]> {
  const { limit, filters, auth } = options;
  return client.json('GET', '/images/search', { query: { term, limit, filters }, headers: authHeader(auth) });
}

/** What the name means in its registry: its descriptor, and the platforms that it is for. */
export function inspectDistribution(
  client: Client,
  name: string,
  auth?: string,
): Promise<DistributionInspect> {
  return client.json('GET', `/distribution/${escapePath(name)}/json`, { headers: authHeader(auth) });
}

function authHeader(auth: string | undefined): Readonly<Record<string, string>> {
  return auth === undefined ? {} : { 'X-Registry-Auth': auth };
}
