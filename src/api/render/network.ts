import type { Container } from '../../containers/contract.ts';
import type { Network, NetworkPool } from '../../network/contract.ts';
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
    ...(differs(version, 'networkEnableIPv4') ? { EnableIPv4: network.enableIPv4 } : {}),
    EnableIPv6: network.enableIPv6,
    IPAM: {
      Driver: 'default',
      Options: network.ipamOptions === null ? null : { ...network.ipamOptions },
      Config: network.ipam.map(renderPool),
    },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom },
    ConfigOnly: network.configOnly,
    Containers: Object.fromEntries(members.flatMap((container) => member(container, network))),
    Options: { ...network.options },
    Labels: { ...network.labels },
  };
}

/** A gateway that goes with a chosen subnet is shown only if it was chosen too. */
function renderPool({ subnet, gateway, ipRange, auxiliary, chosen }: NetworkPool) {
  const shown = gateway !== '' && (chosen.gateway || !chosen.subnet);
  return {
    Subnet: subnet,
    ...(ipRange === '' ? {} : { IPRange: ipRange }),
    ...(shown ? { Gateway: gateway } : {}),
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: { ...auxiliary } }),
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
    IPv6Address: endpoint.ipv6Address === '' ? '' : `${endpoint.ipv6Address}/${endpoint.ipv6PrefixLength}`,
  };
  return [[container.id, resource]];
}
