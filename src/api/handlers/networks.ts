import { isCode, notFound } from '../../base/errors.ts';
import type { Engine } from '../../engine/contract.ts';
import { differs } from '../../wire/versions.ts';
import type { HandlersOf } from '../call.ts';
import { matchesLabels } from '../filters/match.ts';
import { selectNetworks } from '../filters/networks.ts';
import { isRunning } from '../render/container-state.ts';
import { renderNetwork } from '../render/network.ts';
import { reachedPorts } from '../render/reached-ports.ts';
import { untilFilter } from '../timestamp.ts';
import { networkRequest } from './network-request.ts';

type NetworkRoutes =
  | 'networkList'
  | 'networkInspect'
  | 'networkPrune'
  | 'networkCreate'
  | 'networkRemove'
  | 'networkConnect'
  | 'networkDisconnect';

export const networkHandlers: HandlersOf<NetworkRoutes> = {
  networkList({ engine, query, version }) {
    const members = differs(version, 'networkListContainers') ? runningContainers(engine) : [];
    return selectNetworks(engine, query.filters).map((network) => renderNetwork(network, members, version));
  },

  async networkCreate({ engine, context, body }) {
    const { id, warning } = await engine.networks.create(context, networkRequest(body));
    return { Id: id, Warning: warning };
  },

  async networkPrune({ engine, context, query: { filters } }) {
    const until = untilFilter(filters, new Date());
    const removed = await engine.networks.prune(
      context,
      ({ created, labels }) =>
        (until === undefined || created.getTime() < until) && matchesLabels(filters, labels),
    );
    return { NetworksDeleted: removed.length === 0 ? null : [...removed] };
  },

  async networkInspect({ engine, context, name, version, query: { scope } }) {
    const network = engine.networks.get(name);
    if (scope !== '' && scope !== network.scope) throw notFound(`network ${name} not found`);
    const members = runningContainers(engine);
    const ports = await reachedPorts(engine.networks, context, members, network.id);
    const rendered = renderNetwork(network, members, version);
    return ports.length === 0 ? rendered : { ...rendered, Ports: ports };
  },

  async networkRemove({ engine, context, name }) {
    await engine.networks.remove(context, name);
  },

  async networkConnect({ engine, context, name, body }) {
    await engine.containers.connect(context, body.Container, name, body.EndpointConfig ?? undefined);
  },

  async networkDisconnect({ engine, context, name, body }) {
    try {
      await engine.containers.disconnect(context, body.Container, name, { force: body.Force });
    } catch (error) {
      // By force one asks for an endpoint that no container goes with any more.
      const missing = body.Force && isCode(error, 'not-found') && !hasContainer(engine, body.Container);
      throw missing ? notFound(`endpoint ${body.Container} not found`, { cause: error }) : error;
    }
  },
};

function runningContainers(engine: Engine) {
  return engine.containers.list().filter(({ state }) => isRunning(state));
}

function hasContainer(engine: Engine, reference: string): boolean {
  try {
    return engine.containers.get(reference) !== undefined;
  } catch {
    return false;
  }
}
