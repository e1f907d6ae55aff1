import { buildRoutes } from './routes/build.ts';
import { buildkitRoutes } from './routes/buildkit.ts';
import { containerFileRoutes } from './routes/container-files.ts';
import { containerRoutes, execRoutes } from './routes/containers.ts';
import { imageContentRoutes } from './routes/image-contents.ts';
import { imageRoutes } from './routes/images.ts';
import { networkRoutes } from './routes/networks.ts';
import { registryRoutes } from './routes/registries.ts';
import { systemRoutes } from './routes/system.ts';
import { volumeContentRoutes } from './routes/volume-contents.ts';
import { volumeRoutes } from './routes/volumes.ts';

/** Every operation that is served, by area: the one table that server, client and reference read. */
export const routeAreas = {
  System: systemRoutes,
  Containers: containerRoutes,
  'Files of containers': containerFileRoutes,
  Exec: execRoutes,
  Images: imageRoutes,
  'Contents of images': imageContentRoutes,
  Registries: registryRoutes,
  Build: { ...buildRoutes, ...buildkitRoutes },
  Networks: networkRoutes,
  Volumes: volumeRoutes,
  'Contents of volumes': volumeContentRoutes,
} as const;

export const routes = {
  ...systemRoutes,
  ...containerRoutes,
  ...containerFileRoutes,
  ...execRoutes,
  ...imageRoutes,
  ...imageContentRoutes,
  ...registryRoutes,
  ...buildRoutes,
  ...buildkitRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...volumeContentRoutes,
} as const;

export type Routes = typeof routes;
export type RouteName = keyof Routes;

/** What other engines serve and this one does not, by first part of the path: it answers as an engine outside a swarm does. */
export const swarmAreas: ReadonlySet<string> = new Set([
  'configs',
  'nodes',
  'secrets',
  'services',
  'swarm',
  'tasks',
]);
