import { conflict, internal, invalid, SampanError } from '../../base/errors.ts';
import type { Endpoint, Network } from '../../network/contract.ts';
import { chosenInterfaceName } from '../../network/endpoint-names.ts';
import { candidateOf, chooseGateways } from '../../network/gateway.ts';
import type { EndpointConfig } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import { checkEndpoints } from '../create/check-network-mode.ts';
import type { Parts } from '../parts.ts';
import { type Entry, joinedContainer } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { rewriteHosts } from './hosts.ts';
import { followNetworks } from './name-service.ts';
import { endpointRequest, interfaceNames, leadsOut } from './network-requests.ts';
import { transition } from './transition.ts';

/** Connects a container to a network: at once if it runs, at its next start otherwise. Fails in Docker's words. */
export function connectEntry(
  parts: Parts,
  entry: Entry,
  reference: string,
  settings: EndpointConfig | undefined,
): Promise<void> {
  return entry.lock.run(async () => {
    const network = parts.networks.get(reference);
    checkConnectable(entry, network);
    if (settings !== undefined) {
      checkEndpoints(entry.container.config, { EndpointsConfig: { [network.name]: settings } });
    }
    const before = entry.container;
    noteSettings(parts, entry, network.name, settings);
    let endpoint: Endpoint | undefined;
    try {
      if (entry.task !== undefined) endpoint = await joinRunning(parts, entry, network, settings);
    } catch (error) {
      entry.container = { ...entry.container, networking: before.networking };
      parts.store.saveIdentity(entry);
      throw error;
    }
    if (endpoint === undefined) {
      transition(parts, entry, { networks: withNetwork(entry, network, undefined) });
      return;
    }
    parts.events.network(entry.container, 'connect', endpoint);
    rewriteHosts(parts, entry);
    await followNetworks(parts, entry, endpoint);
  });
}

/** Takes a container out of a network. By force also where the kernel does not follow. Fails in Docker's words. */
export function disconnectEntry(
  parts: Parts,
  entry: Entry,
  reference: string,
  { force }: { readonly force: boolean },
): Promise<void> {
  return entry.lock.run(async () => {
    const network = parts.networks.get(reference);
    checkNotRemoved(entry);
    if (network.name === 'host') throw hostNetwork();
    const place = entry.container.networks[network.name];
    if (place === undefined) {
      throw internal(`container ${entry.id} is not connected to network ${network.name}`);
    }
    const { endpoint } = place;
    if (endpoint !== undefined && entry.task !== undefined) await leaveRunning(parts, entry, endpoint, force);
    const { [network.name]: _, ...networks } = entry.container.networks;
    transition(parts, entry, { networks });
    forgetSettings(parts, entry, network.name);
    if (endpoint === undefined) return;
    parts.events.network(entry.container, 'disconnect', endpoint);
    rewriteHosts(parts, entry);
    await followNetworks(parts, entry, endpoint);
  });
}

function checkConnectable(entry: Entry, network: Network): void {
  checkNotRemoved(entry);
  const { hostConfig, networks, name } = entry.container;
  if (hostConfig.NetworkMode === 'host' || joinedContainer(hostConfig.NetworkMode) !== undefined) {
    throw invalid(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (network.name === 'host') throw hostNetwork();
  const others = Object.keys(networks).filter((other) => other !== network.name);
  if (others.includes('none') || (network.name === 'none' && others.length > 0)) {
    throw invalid(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
  if (networks[network.name]?.endpoint !== undefined) {
    throw new SampanError(
      'permission-denied',
      `endpoint with name ${name} already exists in network ${network.name}`,
    );
  }
}

function hostNetwork(): SampanError {
  return invalid('container cannot be disconnected from host network or connected to host network');
}

function checkNotRemoved(entry: Entry): void {
  if (!entry.removing && !['removing', 'dead'].includes(entry.container.state.status)) return;
  throw conflict(
    `container ${entry.id} is marked for removal and cannot be connected to, or disconnected from, the network`,
  );
}

/** What was asked for is kept with the container: its later starts ask for the same. */
function noteSettings(parts: Parts, entry: Entry, name: string, settings: EndpointConfig | undefined): void {
  if (settings === undefined) {
    forgetSettings(parts, entry, name);
    return;
  }
  const EndpointsConfig = { ...entry.container.networking?.EndpointsConfig, [name]: settings };
  entry.container = { ...entry.container, networking: { EndpointsConfig } };
  parts.store.saveIdentity(entry);
}

function forgetSettings(parts: Parts, entry: Entry, name: string): void {
  const { [name]: known, ...EndpointsConfig } = entry.container.networking?.EndpointsConfig ?? {};
  if (known === undefined) return;
  entry.container = { ...entry.container, networking: { EndpointsConfig } };
  parts.store.saveIdentity(entry);
}

function withNetwork(
  { container }: Entry,
  { id, name }: Network,
  endpoint: Endpoint | undefined,
): Container['networks'] {
  return { ...container.networks, [name]: { networkId: id, endpoint } };
}

/** The row says so as soon as the addresses are taken, so that a daemon that is killed then gives them back. */
async function joinRunning(
  parts: Parts,
  entry: Entry,
  network: Network,
  settings: EndpointConfig | undefined,
): Promise<Endpoint> {
  const { container } = entry;
  const others = endpointsOf(entry);
  const current = gatewaysOf(entry, others);
  const leads = leadsOut(network);
  const request = {
    ...endpointRequest(container, { network, settings, main: false }),
    ports: [],
    interfaceName: chosenInterfaceName(settings?.DriverOpts) ?? freeInterface(others),
    gateway: {
      ipv4: leads && network.enableIPv4 && current.ipv4 === undefined,
      ipv6: leads && network.enableIPv6 && current.ipv6 === undefined,
    },
  };
  const endpoint = await parts.networks.join(parts.background, request, container.state.pid);
  transition(parts, entry, { networks: withNetwork(entry, network, endpoint) });
  await followGateways(parts, entry, current, [...others, endpoint]);
  return endpointsOf(entry).find(({ endpointId }) => endpointId === endpoint.endpointId) ?? endpoint;
}

async function leaveRunning(parts: Parts, entry: Entry, endpoint: Endpoint, force: boolean): Promise<void> {
  const rest = endpointsOf(entry).filter(({ endpointId }) => endpointId !== endpoint.endpointId);
  const current = gatewaysOf(entry, endpointsOf(entry));
  try {
    await followGateways(parts, entry, current, rest);
    const known = endpointsOf(entry).find(({ endpointId }) => endpointId === endpoint.endpointId);
    await parts.networks.leave(parts.background, known ?? endpoint, entry.container.state.pid);
  } catch (error) {
    if (!force) throw error;
    parts.log.warn('a container left a network by force', { container: entry.id, error });
  }
}

interface Gateways {
  readonly ipv4: Endpoint | undefined;
  readonly ipv6: Endpoint | undefined;
}

function gatewaysOf({ container }: Entry, endpoints: readonly Endpoint[]): Gateways {
  const asked = container.networking?.EndpointsConfig ?? {};
  const chosen = chooseGateways(
    endpoints.map((endpoint) => candidateOf(endpoint, asked[endpoint.networkName]?.GwPriority ?? 0)),
  );
  return { ipv4: chosen.ipv4?.endpoint, ipv6: chosen.ipv6?.endpoint };
}

/** Default routes, and the published ports with them, go where they belong among `endpoints`. */
async function followGateways(
  parts: Parts,
  entry: Entry,
  before: Gateways,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const after = gatewaysOf(entry, endpoints);
  const same = (a: Endpoint | undefined, b: Endpoint | undefined) => a?.endpointId === b?.endpointId;
  const added = (['ipv4', 'ipv6'] as const).every(
    (family) => before[family] === undefined || same(before[family], after[family]),
  );
  if (!added) await parts.networks.reroute(parts.background, entry.container.state.pid, after);
  const from = endpointsOf(entry).find(({ ports }) => ports.length > 0);
  const to = after.ipv4 ?? after.ipv6;
  if (from === undefined || to === undefined || same(from, to)) return;
  const moved = await parts.networks.movePorts(parts.background, from, to);
  const networks = { ...entry.container.networks };
  for (const endpoint of [moved.from, moved.to]) {
    networks[endpoint.networkName] = { networkId: endpoint.networkId, endpoint };
  }
  transition(parts, entry, { networks });
}

function freeInterface(endpoints: readonly Endpoint[]): string {
  return interfaceNames(new Set(endpoints.map(({ interfaceName }) => interfaceName)))();
}
