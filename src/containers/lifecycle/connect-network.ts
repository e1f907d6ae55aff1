import { conflict, internal, invalid, SampanError } from '../../base/errors.ts';
import type { Endpoint, EndpointRequest, Gateways, Network } from '../../network/contract.ts';
import { chosenInterfaceName } from '../../network/endpoint-names.ts';
import type { Task } from '../../runtime/contract.ts';
import type { EndpointConfig } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import { checkEndpoints } from '../create/check-network-mode.ts';
import type { Parts } from '../parts.ts';
import { type Entry, joinedContainer } from '../record.ts';
import { endpointsOf } from './endpoints.ts';
import { followGateways, gatewaysOf } from './gateways.ts';
import { rewriteHosts } from './hosts.ts';
import { followNetworks } from './name-service.ts';
import { endpointRequest, interfaceNames, leadsOut } from './network-requests.ts';
import { takeBack } from './take-back.ts';
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
    const { task } = entry;
    if (task === undefined) {
      transition(parts, entry, { networks: withNetwork(entry, network, undefined) });
      return;
    }
    await whileUnsettled(parts, entry, async () => {
      let endpoint: Endpoint;
      try {
        endpoint = await joinRunning(parts, entry, task, network, settings);
      } catch (error) {
        entry.container = { ...entry.container, networking: before.networking };
        parts.store.saveIdentity(entry);
        throw error;
      }
      parts.events.network(entry.container, 'connect', endpoint);
      rewriteHosts(parts, entry);
      await followNetworks(parts, entry, endpoint);
    });
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
    const { task } = entry;
    if (endpoint === undefined || task === undefined) {
      forgetNetwork(parts, entry, network.name);
      return;
    }
    await whileUnsettled(parts, entry, async () => {
      await leaveRunning(parts, entry, task, endpoint, force);
      forgetNetwork(parts, entry, network.name);
      parts.events.network(entry.container, 'disconnect', endpoint);
      rewriteHosts(parts, entry);
      await followNetworks(parts, entry, endpoint);
    });
  });
}

export function forgetNetwork(parts: Parts, entry: Entry, name: string): void {
  const { [name]: _, ...networks } = entry.container.networks;
  transition(parts, entry, { networks });
  forgetSettings(parts, entry, name);
}

/** A daemon that is killed meanwhile leaves word of it, so that the next one puts right what it finds. */
async function whileUnsettled(parts: Parts, entry: Entry, work: () => Promise<void>): Promise<void> {
  transition(parts, entry, { flags: { unsettled: true } });
  try {
    await work();
  } finally {
    transition(parts, entry, { flags: { unsettled: false } });
  }
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
  task: Task,
  network: Network,
  settings: EndpointConfig | undefined,
): Promise<Endpoint> {
  const { networks } = entry.container;
  const others = endpointsOf(entry);
  const current = gatewaysOf(entry, others);
  const request = liveRequest(entry, network, settings, current);
  const endpoint = await parts.networks.join(parts.background, request, task.pid);
  transition(parts, entry, { networks: withNetwork(entry, network, endpoint) });
  try {
    await followGateways(parts, entry, task, current, [...others, endpoint]);
  } catch (error) {
    transition(parts, entry, { networks });
    await takeBack(parts, entry, () => parts.networks.leave(parts.background, endpoint, task.pid));
    throw error;
  }
  return endpointsOf(entry).find(({ endpointId }) => endpointId === endpoint.endpointId) ?? endpoint;
}

function liveRequest(
  entry: Entry,
  network: Network,
  settings: EndpointConfig | undefined,
  current: Gateways,
): EndpointRequest {
  const leads = leadsOut(network);
  return {
    ...endpointRequest(entry.container, { network, settings, main: false }),
    ports: [],
    interfaceName: chosenInterfaceName(settings?.DriverOpts) ?? freeInterface(endpointsOf(entry)),
    gateway: {
      ipv4: leads && network.enableIPv4 && current.ipv4 === undefined,
      ipv6: leads && network.enableIPv6 && current.ipv6 === undefined,
    },
  };
}

async function leaveRunning(
  parts: Parts,
  entry: Entry,
  task: Task,
  endpoint: Endpoint,
  force: boolean,
): Promise<void> {
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!force) throw error;
      parts.log.warn('a container leaves a network by force', { container: entry.id, error });
    }
  };
  const isLeft = ({ endpointId }: Endpoint) => endpointId === endpoint.endpointId;
  const all = endpointsOf(entry);
  const rest = all.filter((one) => !isLeft(one));
  await attempt(() => followGateways(parts, entry, task, gatewaysOf(entry, all), rest));
  const known = endpointsOf(entry).find(isLeft) ?? endpoint;
  await attempt(() => parts.networks.leave(parts.background, known, task.pid));
}

function freeInterface(endpoints: readonly Endpoint[]): string {
  return interfaceNames(new Set(endpoints.map(({ interfaceName }) => interfaceName)))();
}
