import type { Container } from '../../containers/contract.ts';
import type { Network } from '../../network/contract.ts';
import type { EndpointResource, NetworkInspect } from '../../wire/network-types.ts';
import { formatTime } from '../../wire/times.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';

/** `members` are the containers to show in it: running ones, or none in lists. */
export function renderNetwork(
  network: Network,
  members: readonly Container[],
  version: ApiVersion,
): NetworkInspect {
  return {
    Name: network.name,
    Id: network.id,
    Created: formatTime(network.created),
    Scope: network.scope,
    Driver: network.driver,
    ...(differs(version, 'networkEnableIPv4') ? { EnableIPv4: true } : {}),
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: 'default',
      Options: null,
      Config: network.ipam.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
    },
    Internal: network.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(members.flatMap((container) => member(container, network))),
    Options: { ...network.options },
    Labels: { ...network.labels },
  };
}

function member(container: Container, network: Network): [string, EndpointResource][] {
  const endpoint = Object.values(container.networks).find(
    ({ networkId }) => networkId === network.id,
  )?.endpoint;
  if (endpoint === undefined) return [];
  const address = endpoint.ipv4Address === '' ? '' : `${endpoint.ipv4Address}/${endpoint.ipv4PrefixLength}`;
  const resource = {
    Name: container.name,
    EndpointID: endpoint.endpointId,
    MacAddress: endpoint.macAddress,
    IPv4Address: address,
    IPv6Address: '',
  };
  return [[container.id, resource]];
}
