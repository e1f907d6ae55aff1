import type { Endpoint, EndpointRequest, Network, NetworkPool } from './contract.ts';
import { formatIp, formatSubnet, type InterfaceAddress } from './ip.ts';
import { otherGateway } from './membership.ts';
import type { NetworksOptions } from './options.ts';
import { type NetworkRecord, newId } from './store.ts';

/** A predefined network, as far as it is the same everywhere. */
export function describePredefined(record: NetworkRecord): Network {
  return {
    ...record,
    scope: 'local',
    internal: false,
    attachable: false,
    configOnly: false,
    configFrom: '',
    enableIPv4: true,
    enableIPv6: false,
    ownsInterface: false,
    options: {},
    labels: {},
    ipam: [],
    ipamOptions: null,
  };
}

/** The default bridge before its subnet is known. */
export function describeDefaultBridge(record: NetworkRecord, options: NetworksOptions): Network {
  const { bridge, icc, ipMasquerade, mtu, defaultBindAddress } = options;
  return {
    ...describePredefined(record),
    enableIPv6: options.defaultBridge?.ipv6 ?? false,
    options: {
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.bridge.enable_icc': String(icc),
      'com.docker.network.bridge.enable_ip_masquerade': String(ipMasquerade),
      'com.docker.network.bridge.host_binding_ipv4': defaultBindAddress || '0.0.0.0',
      'com.docker.network.bridge.name': bridge,
      'com.docker.network.driver.mtu': String(mtu),
    },
  };
}

/** Its pools, once its addresses are known. */
export function defaultBridgePools(
  { address, subnet, ipv6 }: InterfaceAddress & { readonly ipv6: InterfaceAddress | undefined },
  { bip, defaultBridge }: NetworksOptions,
): readonly NetworkPool[] {
  const { bip6 = '', range = '', subnet6 = '', gateway = '', gateway6 = '' } = defaultBridge ?? {};
  const pool4 = {
    subnet: formatSubnet(subnet),
    gateway: formatIp(address),
    ipRange: range === formatSubnet(subnet) ? '' : range,
    auxiliary: gateway === '' ? {} : { [otherGateway[4]]: gateway },
    chosen: { subnet: bip !== '' || range !== '', gateway: true },
  };
  if (ipv6 === undefined) return [pool4];
  const pool6 = {
    subnet: formatSubnet(ipv6.subnet),
    gateway: formatIp(ipv6.address),
    ipRange: subnet6 === '' || subnet6 === formatSubnet(ipv6.subnet) ? '' : subnet6,
    auxiliary: gateway6 === '' ? {} : { [otherGateway[6]]: gateway6 },
    chosen: { subnet: bip6 !== '' || subnet6 !== '', gateway: true },
  };
  return [pool4, pool6];
}

/** The place of a container in the host's network, or in none. */
export function endpointWithoutAddresses(network: Network, request: EndpointRequest): Endpoint {
  return {
    networkId: network.id,
    networkName: network.name,
    endpointId: newId(),
    containerId: request.containerId,
    containerName: request.containerName,
    macAddress: '',
    ipv4Address: '',
    ipv4PrefixLength: 0,
    gateway: '',
    ipv6Address: '',
    ipv6PrefixLength: 0,
    ipv6Gateway: '',
    interfaceName: '',
    hostInterface: '',
    ports: [],
    names: [],
    links: {},
  };
}
