import { BuildPruneResponse } from '../disk-usage-types.ts';
import { filters, flag, integer } from '../query.ts';
import type { Route } from '../route.ts';

export const buildRoutes = {
  buildPrune: {
    method: 'POST',
    path: '/build/prune',
    summary: 'Empties the build cache, in which there is nothing yet.',
    query: {
      all: flag(),
      filters: filters(
        'description',
        'id',
        'inuse',
        'label',
        'label!',
        'parent',
        'private',
        'shared',
        'type',
        'until',
      ),
      'keep-storage': integer,
      'max-used-space': integer,
      'min-free-space': integer,
      'reserved-space': integer,
    },
    statuses: [200],
    response: BuildPruneResponse,
    stream: 'none',
    since: '1.31',
  },
} as const satisfies Record<string, Route>;
