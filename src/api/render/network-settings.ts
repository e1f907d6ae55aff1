import type { Container, ContainerNetwork } from '../../containers/contract.ts';
import type { Endpoint, PublishedPort } from '../../network/contract.ts';
import type { PortMap } from '../../wire/container-config.ts';
import type { NetworkSettings } from '../../wire/container-types.ts';
import type { EndpointSettings, Port } from '../../wire/network-types.ts';
import { ZERO_TIME } from '../../wire/times.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import { isRunning } from './container-state.ts';

/** The network that containers join unless told otherwise, and whose endpoint is repeated at the top. */
const DEFAULT_NETWORK = 'bridge';

export function renderNetworkSettings(container: Container, version: ApiVersion): NetworkSettings {
  const running = isRunning(container.state) && container.state.pid > 0;
  return {
    Bridge: '',
    SandboxID: running ? container.id : '',
    // Opens as the network namespace does at Docker's path.
    SandboxKey: running ? `/proc/${container.state.pid}/ns/net` : '',
    Ports: portMap(container),
    ...(differs(version, 'defaultNetworkSettings') ? defaultEndpoint(container) : {}),
    Networks: renderEndpoints(container, version),
  };
}

function defaultEndpoint(container: Container): Partial<NetworkSettings> {
  const endpoint = container.networks[DEFAULT_NETWORK]?.endpoint;
  return {
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: shownGateway(endpoint?.gateway),
    GlobalIPv6Address: endpoint?.ipv6Address ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6PrefixLength ?? 0,
    IPAddress: endpoint?.ipv4Address ?? '',
    IPPrefixLen: endpoint?.ipv4PrefixLength ?? 0,
    IPv6Gateway: shownGateway(endpoint?.ipv6Gateway),
    MacAddress: endpoint?.macAddress ?? '',
  };
}

/** By network name. */
export function renderEndpoints(container: Container, version: ApiVersion): Record<string, EndpointSettings> {
  return Object.fromEntries(
    Object.entries(container.networks).map(([name, network]) => [
      name,
      renderEndpoint(container, name, network, version),
    ]),
  );
}

function renderEndpoint(
  container: Container,
  name: string,
  { networkId, endpoint }: ContainerNetwork,
  version: ApiVersion,
): EndpointSettings {
  const asked = container.networking?.EndpointsConfig?.[name];
  return {
    IPAMConfig: asked?.IPAMConfig ?? null,
    Links: asked?.Links ?? null,
    Aliases: aliasesOf(container, name, asked?.Aliases, version),
    MacAddress: endpoint?.macAddress ?? asked?.MacAddress ?? '',
    DriverOpts: asked?.DriverOpts ?? null,
    ...(differs(version, 'endpointGatewayPriority') ? { GwPriority: asked?.GwPriority ?? 0 } : {}),
    // Docker looks the network up when a container first starts.
    NetworkID: container.state.startedAt === ZERO_TIME ? '' : networkId,
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: shownGateway(endpoint?.gateway),
    IPAddress: endpoint?.ipv4Address ?? '',
    IPPrefixLen: endpoint?.ipv4PrefixLength ?? 0,
    IPv6Gateway: shownGateway(endpoint?.ipv6Gateway),
    GlobalIPv6Address: endpoint?.ipv6Address ?? '',
    GlobalIPv6PrefixLen: endpoint?.ipv6PrefixLength ?? 0,
    ...(differs(version, 'endpointDnsNames') ? { DNSNames: dnsNames(container, name, asked?.Aliases) } : {}),
  };
}

/** Some networks have no gateway's address: the interface is the way. */
function shownGateway(gateway: string | undefined): string {
  return gateway === undefined || gateway === '*' ? '' : gateway;
}

/** Before there was a list of DNS names, the short ID was told here. */
function aliasesOf(
  { id }: Container,
  network: string,
  aliases: readonly string[] | null | undefined,
  version: ApiVersion,
): string[] | null {
  const named = !['bridge', 'host', 'none'].includes(network);
  if (differs(version, 'endpointDnsNames') || !named) return aliases == null ? null : [...aliases];
  return [...(aliases ?? []), id.slice(0, 12)];
}

/** The default bridge has no name service. */
function dnsNames(
  container: Container,
  network: string,
  aliases: readonly string[] | null | undefined,
): string[] | null {
  if (network === DEFAULT_NETWORK || network === 'host' || network === 'none') return null;
  const hostname = container.config.Hostname;
  const names = [container.name, ...(aliases ?? []), container.id.slice(0, 12)];
  if (hostname !== '') names.push(hostname);
  return [...new Set(names)];
}

function endpointsOf(container: Container): Endpoint[] {
  return Object.values(container.networks).flatMap(({ endpoint }) => endpoint ?? []);
}

/** By "80/tcp": where it is published, or null for a port that is only exposed. Empty until the container has addresses. */
export function portMap(container: Container): PortMap {
  const endpoints = endpointsOf(container).filter(
    ({ ipv4Address, ipv6Address }) => ipv4Address !== '' || ipv6Address !== '',
  );
  if (endpoints.length === 0) return {};
  const ports: PortMap = {};
  for (const port of Object.keys(container.config.ExposedPorts ?? {})) ports[port] = null;
  for (const published of endpoints.flatMap((endpoint) => endpoint.ports)) addBinding(ports, published);
  return ports;
}

function addBinding(ports: PortMap, port: PublishedPort): void {
  const key = `${port.containerPort}/${port.protocol}`;
  const bindings = ports[key] ?? [];
  // A port that is reached at the container's own address has none of the host's.
  const routed = port.hostPort === 0;
  if (routed && bindings.length > 0) return;
  bindings.push(
    routed ? { HostIp: '', HostPort: '' } : { HostIp: port.hostAddress, HostPort: String(port.hostPort) },
  );
  ports[key] = bindings;
}

/** The list's Ports. */
export function renderPorts(container: Container): Port[] {
  return Object.entries(portMap(container)).flatMap(([key, bindings]): Port[] => {
    const [port = '', Type = 'tcp'] = key.split('/');
    const PrivatePort = Number(port);
    if (bindings === null || bindings.length === 0) return [{ PrivatePort, Type }];
    return bindings.map(({ HostIp, HostPort }) =>
      HostPort === ''
        ? { PrivatePort, Type }
        : {
            IP: HostIp,
            PrivatePort,
            PublicPort: Number(HostPort),
            Type,
          },
    );
  });
}
