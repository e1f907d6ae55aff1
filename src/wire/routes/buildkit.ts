import type { Route } from '../route.ts';

export const buildkitRoutes = {
  buildkitApi: {
    method: 'POST',
    path: '/grpc',
    summary: "Hands the connection over (`Upgrade: h2c`) to gRPC with BuildKit's API, for `docker buildx`.",
    query: {},
    statuses: [101],
    stream: 'hijack',
    since: '1.38',
  },
  buildkitSession: {
    method: 'POST',
    path: '/session',
    summary:
      'Hands the connection over (`Upgrade: h2c`) to gRPC the other way round: builds ask the client for files, credentials and secrets.',
    query: {},
    statuses: [101],
    stream: 'hijack',
    since: '1.31',
  },
} as const satisfies Record<string, Route>;
