import { filters, flag } from '../query.ts';
import type { Route } from '../route.ts';
import { Volume, VolumeCreateRequest, VolumeList, VolumePruneResponse } from '../volume-types.ts';

export const volumeRoutes = {
  volumeList: {
    method: 'GET',
    path: '/volumes',
    summary: 'Lists volumes.',
    query: { filters: filters('dangling', 'driver', 'label', 'name') },
    statuses: [200],
    response: VolumeList,
    stream: 'none',
    since: '1.21',
  },
  volumeCreate: {
    method: 'POST',
    path: '/volumes/create',
    summary: 'Makes a volume, or shows the one that has the name.',
    query: {},
    body: VolumeCreateRequest,
    statuses: [201],
    response: Volume,
    stream: 'none',
    since: '1.21',
  },
  volumePrune: {
    method: 'POST',
    path: '/volumes/prune',
    summary: 'Removes volumes that no container uses: anonymous ones, or with `all` every one.',
    query: { filters: filters('all', 'label', 'label!') },
    statuses: [200],
    response: VolumePruneResponse,
    stream: 'none',
    since: '1.25',
  },
  volumeInspect: {
    method: 'GET',
    path: '/volumes/{name}',
    summary: 'Shows a volume.',
    query: {},
    statuses: [200],
    response: Volume,
    stream: 'none',
    since: '1.21',
  },
  volumeRemove: {
    method: 'DELETE',
    path: '/volumes/{name}',
    summary: 'Removes a volume; with `force` one that is missing is no error.',
    query: { force: flag() },
    statuses: [204],
    stream: 'none',
    since: '1.21',
  },
} as const satisfies Record<string, Route>;
