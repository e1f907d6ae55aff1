import { messageOf, SampanError } from '../../base/errors.ts';
import type { EndpointRequest, Network, Networks, PortRequest, Protocol } from '../../network/contract.ts';
import { chosenInterfaceName } from '../../network/endpoint-names.ts';
import { chooseGateways } from '../../network/gateway.ts';
import type { EndpointConfig, HostConfig } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import { parsePortRange } from '../create/check-ports.ts';
import { joinedContainer } from '../record.ts';

/** The networks that a container is made for: that of its mode first, then the others that were named. */
export function networkNames(
  hostConfig: HostConfig,
  networking: Container['networking'],
  disabled: boolean,
): readonly string[] {
  const mode = hostConfig.NetworkMode;
  if (disabled || joinedContainer(mode) !== undefined) return [];
  if (mode === 'host' || mode === 'none') return [mode];
  const named = Object.keys(networking?.EndpointsConfig ?? {}).filter(
    (name) => name !== 'default' && name !== mode,
  );
  return [mode, ...named.sort()];
}

/** What to ask `network` for on behalf of a container that starts: one request for each of its networks, in the interfaces' order. */
export function endpointRequests(networks: Pick<Networks, 'get'>, container: Container): EndpointRequest[] {
  const places = placesOf(networks, container);
  const gateways = chooseGateways(places.map((place) => place.candidate));
  const published = gateways.ipv4 ?? gateways.ipv6;
  const chosen = new Set(places.map(({ settings }) => chosenInterfaceName(settings?.DriverOpts)));
  const free = interfaceNames(chosen);
  return places.map((place) => {
    const { settings, candidate } = place;
    return {
      ...endpointRequest(container, place),
      ports: candidate === published ? portRequests(container) : [],
      interfaceName: chosenInterfaceName(settings?.DriverOpts) ?? free(),
      gateway: { ipv4: candidate === gateways.ipv4, ipv6: candidate === gateways.ipv6 },
    };
  });
}

/** The request of a container that has no network at all. */
export function loopbackRequest({ id, name }: Container): EndpointRequest {
  return {
    ...{ network: 'none', containerId: id, containerName: name, ports: [], names: [], links: {} },
    ...{ macAddress: undefined, ipv4Address: undefined, ipv6Address: undefined, linkLocal: [] },
    ...{ interfaceName: '', gateway: { ipv4: false, ipv6: false }, driverOptions: {} },
  };
}

/** One network that a container is in, or is to be. */
export interface Place {
  readonly network: Network;
  readonly settings: EndpointConfig | undefined;
  /** Whether it is the one of the container's network mode. */
  readonly main: boolean;
}

/** The request for a place, but for what depends on the container's other places. */
export function endpointRequest(
  container: Container,
  { network, settings, main }: Place,
): Omit<EndpointRequest, 'ports' | 'interfaceName' | 'gateway'> {
  const { config } = container;
  const mac = settings?.MacAddress || (main ? config.MacAddress : '') || undefined;
  return {
    network: network.id,
    containerId: container.id,
    containerName: container.name,
    macAddress: mac,
    ipv4Address: settings?.IPAMConfig?.IPv4Address || undefined,
    ipv6Address: settings?.IPAMConfig?.IPv6Address || undefined,
    linkLocal: settings?.IPAMConfig?.LinkLocalIPs ?? [],
    names: endpointNames(container, network.name, settings),
    links: endpointLinks(settings),
    driverOptions: settings?.DriverOpts ?? {},
  };
}

/** Under which names others on a network find a container; none on the predefined ones. */
function endpointNames(
  { id, name, config }: Container,
  network: string,
  settings: EndpointConfig | undefined,
): readonly string[] {
  if (network === 'bridge' || network === 'host' || network === 'none') return [];
  const hostname = config.Hostname === '' ? [] : [config.Hostname];
  return [...new Set([name, ...(settings?.Aliases ?? []), id.slice(0, 12), ...hostname])];
}

/** "db:database" to what the container calls another: alias to name. */
function endpointLinks(settings: EndpointConfig | undefined): Readonly<Record<string, string>> {
  const links = (settings?.Links ?? []).map((link) => {
    const [name = '', alias = name] = link.split(':', 2);
    return [alias, name];
  });
  return Object.fromEntries(links);
}

function placesOf(networks: Pick<Networks, 'get'>, container: Container) {
  const { hostConfig, networking } = container;
  const main = mainNetwork(container);
  const names = Object.keys(container.networks).sort(
    (a, b) => Number(b === main) - Number(a === main) || (a < b ? -1 : 1),
  );
  return names.map((name) => {
    const network = getNetwork(networks, name);
    const settings = networking?.EndpointsConfig?.[name];
    const candidate = {
      name: network.name,
      priority: settings?.GwPriority ?? 0,
      ipv4: leadsOut(network) && network.enableIPv4,
      ipv6: leadsOut(network) && network.enableIPv6,
    };
    return { network, settings, candidate, main: name === main || name === hostConfig.NetworkMode };
  });
}

function getNetwork(networks: Pick<Networks, 'get'>, name: string): Network {
  try {
    return networks.get(name);
  } catch (error) {
    const code = error instanceof SampanError ? error.code : 'internal';
    throw new SampanError(code, `failed to set up container networking: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether containers reach elsewhere by it. */
export function leadsOut({ driver, internal }: Network): boolean {
  return !internal && driver !== 'host' && driver !== 'null';
}

function mainNetwork({ hostConfig, networks }: Container): string {
  const mode = hostConfig.NetworkMode;
  if (networks[mode] !== undefined) return mode;
  const byId = Object.entries(networks).find(
    ([, { networkId }]) => networkId !== '' && networkId.startsWith(mode),
  );
  return byId?.[0] ?? mode;
}

/** "eth0", "eth1" ... but for those that are taken; each call gives the next. */
export function interfaceNames(taken: ReadonlySet<string | undefined>): () => string {
  let number = 0;
  return () => {
    while (taken.has(`eth${number}`)) number++;
    return `eth${number++}`;
  };
}

/** Published ports, those with a fixed host port first so that no range takes it away from them. */
export function portRequests({
  config,
  hostConfig,
}: Pick<Container, 'config' | 'hostConfig'>): PortRequest[] {
  const requests: PortRequest[] = [];
  const bound = new Set<string>();
  for (const [spec, bindings] of Object.entries(hostConfig.PortBindings ?? {})) {
    for (const { protocol, port } of expandPort(spec)) {
      for (const binding of bindings ?? []) {
        requests.push({
          ...hostPorts(binding.HostPort),
          protocol,
          containerPort: port,
          hostAddress: binding.HostIp,
        });
        bound.add(`${port}/${protocol}`);
      }
    }
  }
  if (hostConfig.PublishAllPorts) {
    for (const { protocol, port } of Object.keys(config.ExposedPorts ?? {}).flatMap(expandPort)) {
      if (bound.has(`${port}/${protocol}`)) continue;
      requests.push({ protocol, containerPort: port, hostAddress: '', hostPort: 0, hostPortEnd: 0 });
    }
  }
  return requests.sort((a, b) => flexibility(a) - flexibility(b));
}

function hostPorts(text: string): { hostPort: number; hostPortEnd: number } {
  const range = parsePortRange(text);
  return { hostPort: range?.first ?? 0, hostPortEnd: range?.last ?? 0 };
}

function flexibility({ hostPort, hostPortEnd }: PortRequest): number {
  return hostPort === 0 ? Number.POSITIVE_INFINITY : hostPortEnd - hostPort;
}

/** "80-81/tcp" to its ports; "tcp" goes without saying. */
function expandPort(spec: string): { protocol: Protocol; port: number }[] {
  const [text = '', name = 'tcp'] = spec.split('/');
  const range = parsePortRange(text);
  const protocol = name === 'udp' || name === 'sctp' ? name : 'tcp';
  const ports: { protocol: Protocol; port: number }[] = [];
  for (let port = range?.first ?? 1; port <= (range?.last ?? 0); port++) ports.push({ protocol, port });
  return ports;
}
