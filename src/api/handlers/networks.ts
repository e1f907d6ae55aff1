import { differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { selectNetworks } from '../filters/networks.ts';
import { isRunning } from '../render/container-state.ts';
import { renderNetwork } from '../render/network.ts';

export const networkHandlers: HandlersOf<'networkList' | 'networkInspect' | 'networkPrune'> = {
  networkList({ engine, query, version }) {
    const members = differs(version, 'networkListContainers') ? engine.containers.list() : [];
    const running = members.filter(({ state }) => isRunning(state));
    return selectNetworks(engine, query.filters).map((network) => renderNetwork(network, running, version));
  },

  // All that there are are predefined ones.
  networkPrune: () => ({ NetworksDeleted: null }),

  networkInspect({ engine, name, version }) {
    const running = engine.containers.list().filter(({ state }) => isRunning(state));
    return renderNetwork(engine.networks.get(name), running, version);
  },
};
