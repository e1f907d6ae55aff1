import { filters, integer, text } from '../query.ts';
import { AuthConfig, AuthResponse, DistributionInspect, SearchResult } from '../registry-types.ts';
import type { Route } from '../route.ts';
import { list } from '../schema.ts';

export const registryRoutes = {
  authenticate: {
    method: 'POST',
    path: '/auth',
    summary: 'Shows credentials to a registry; 401 when it does not take them.',
    query: {},
    body: AuthConfig,
    bodyRequired: true,
    statuses: [200],
    response: AuthResponse,
    stream: 'none',
    since: '1.0',
  },
  imageSearch: {
    method: 'GET',
    path: '/images/search',
    summary:
      'Searches Docker Hub, or for a term "host/term" the registry there; at most `limit` (1 to 100) results.',
    query: {
      term: text(),
      limit: integer,
      filters: filters('is-automated', 'is-official', 'stars'),
    },
    statuses: [200],
    response: list(SearchResult),
    stream: 'none',
    since: '1.0',
  },
  distributionInspect: {
    method: 'GET',
    path: '/distribution/{name}/json',
    summary: 'Shows what a name means in its registry.',
    query: {},
    statuses: [200],
    response: DistributionInspect,
    stream: 'none',
    since: '1.30',
  },
} as const satisfies Record<string, Route>;
