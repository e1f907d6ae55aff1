import type { Parts } from '../parts.ts';
import { refreshNeighbours } from './hosts.ts';

/** Changes that come this close to each other, in milliseconds, are written together. */
const PAUSE = 5;

/** Keeps the hosts files of running containers current as others come to their networks and leave them. */
export function followNeighbours(parts: Parts): { close(): void } {
  const changed = new Set<string>();
  let timer: Timer | undefined;
  const refresh = (): void => {
    timer = undefined;
    for (const entry of parts.registry.list()) {
      const places = Object.values(entry.container.networks);
      if (places.some(({ networkId }) => changed.has(networkId))) refreshNeighbours(parts, entry);
    }
    changed.clear();
  };
  const end = parts.networks.names.onChange((networkId) => {
    changed.add(networkId);
    timer ??= setTimeout(refresh, PAUSE);
  });
  return {
    close() {
      end();
      clearTimeout(timer);
    },
  };
}
