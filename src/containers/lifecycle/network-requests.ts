import type { EndpointRequest, PortRequest, Protocol } from '../../network/contract.ts';
import type { HostConfig } from '../../wire/container-config.ts';
import type { Container } from '../contract.ts';
import { parsePortRange } from '../create/check-ports.ts';
import { joinedContainer } from '../record.ts';

/** The networks that a container joins: that of its mode first, then the others that were named, by priority. */
export function networkNames(
  hostConfig: HostConfig,
  networking: Container['networking'],
  disabled: boolean,
): readonly string[] {
  const mode = hostConfig.NetworkMode;
  if (disabled || joinedContainer(mode) !== undefined) return [];
  if (mode === 'host' || mode === 'none') return [mode];
  const named = Object.entries(networking?.EndpointsConfig ?? {})
    .filter(([name]) => name !== 'default' && name !== mode)
    .sort(([, a], [, b]) => (b.GwPriority ?? 0) - (a.GwPriority ?? 0))
    .map(([name]) => name);
  return [mode, ...named];
}

/** What to ask `network` for on behalf of a container that starts. */
export function endpointRequest(container: Container, network: string): EndpointRequest {
  const { config, hostConfig, networking } = container;
  const main = network === hostConfig.NetworkMode;
  const endpoints = networking?.EndpointsConfig ?? {};
  const settings = endpoints[network] ?? (network === 'bridge' ? endpoints.default : undefined);
  const mac = settings?.MacAddress || (main ? config.MacAddress : '') || undefined;
  return {
    network,
    containerId: container.id,
    containerName: container.name,
    ports: main && network !== 'host' && network !== 'none' ? portRequests(container) : [],
    macAddress: mac,
    ipv4Address: settings?.IPAMConfig?.IPv4Address || undefined,
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
