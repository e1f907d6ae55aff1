import { notFound } from '../../base/errors.ts';
import type { Volume, Volumes } from '../../volumes/contract.ts';

/** Volumes as names only, in `stored`; what the API does not reach is missing. */
export function fakeVolumes(stored: { volumes: Volume[] }): Volumes {
  const get = (name: string): Volume => {
    const found = stored.volumes.find((volume) => volume.name === name);
    if (found === undefined) throw notFound(`get ${name}: no such volume`);
    return found;
  };
  const own: Partial<Volumes> = {
    get,
    async create(_context, request) {
      const volume = {
        ...{ ...request, driver: request.driver || 'local', mountpoint: `/volumes/${request.name}` },
        ...{ created: new Date(0), anonymous: false, scope: 'local' },
      };
      stored.volumes.push(volume);
      return volume;
    },
    list: () => stored.volumes,
    status: async () => undefined,
    discover: async () => [],
    pruned: () => {},
    async remove(_context, name) {
      get(name);
      stored.volumes = stored.volumes.filter((volume) => volume.name !== name);
    },
    rename: async (_context, name) => get(name),
    clone: async (_context, name) => get(name),
    snapshots(name) {
      get(name);
      return [];
    },
    snapshot: async (_context, name, snapshot) => ({ name: get(name) && snapshot, created: new Date(0) }),
    async restore(_context, name) {
      get(name);
    },
    async removeSnapshot(_context, name) {
      get(name);
    },
    async export(_context, name) {
      get(name);
      return (async function* () {})();
    },
    import: async (_context, name) => get(name),
  };
  return Object.assign(Object.create(null), own);
}
