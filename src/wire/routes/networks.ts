import { NetworkInspect, NetworkPruneResponse } from '../network-types.ts';
import { filters, flag, text } from '../query.ts';
import type { Route } from '../route.ts';
import { list } from '../schema.ts';

export const networkRoutes = {
  networkList: {
    method: 'GET',
    path: '/networks',
    summary: 'Lists networks.',
    query: {
      filters: filters('dangling', 'driver', 'id', 'idOrName', 'label', 'name', 'scope', 'type'),
    },
    statuses: [200],
    response: list(NetworkInspect),
    stream: 'none',
    since: '1.21',
  },
  networkPrune: {
    method: 'POST',
    path: '/networks/prune',
    summary: 'Removes networks that no container is in; the predefined ones, which is all of them, stay.',
    query: { filters: filters('label', 'label!', 'until') },
    statuses: [200],
    response: NetworkPruneResponse,
    stream: 'none',
    since: '1.25',
  },
  networkInspect: {
    method: 'GET',
    path: '/networks/{id}',
    summary: 'Shows a network and the running containers in it.',
    query: { verbose: flag(), scope: text() },
    statuses: [200],
    response: NetworkInspect,
    stream: 'none',
    since: '1.21',
  },
} as const satisfies Record<string, Route>;
