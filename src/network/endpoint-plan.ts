import { CLONE_NEWNET, O_RDONLY } from '../plan/constants.ts';
import { HOST, type Operation, type Plan } from '../plan/operations.ts';
import { type Endpoint, networkSlots, type PublishedPort } from './contract.ts';
import {
  firewallProtocols,
  publishPorts,
  type Translation,
  translatedAddress,
  unpublishPorts,
} from './firewall.ts';
import { type Ipv4, parseIpv4, type Subnet, subnetOf } from './ipv4.ts';
import { addAddress, addDefaultRoute } from './netlink/addresses.ts';
import { LOOPBACK_INDEX, protocol } from './netlink/constants.ts';
import { attachToBridge, createVethPair, getLink, isolatePort, raiseLink } from './netlink/links.ts';
import { netlinkOperation } from './netlink/message.ts';
import { forgetFlows } from './nftables/conntrack.ts';

/** What an endpoint on a bridge hangs on. */
export interface BridgePort {
  readonly table: string;
  readonly bridgeName: string;
  readonly bridgeIndex: number;
  readonly mtu: number;
  readonly interContainer: boolean;
  readonly ipv6: HostIpv6;
}

/**
 * Whether the host's kernel has IPv6, and whether new interfaces get it: the two states of net.ipv6.conf.default.disable_ipv6.
 */
export type HostIpv6 = 'absent' | 'on' | 'off';

/** The container's interface has the same index in each of its namespaces, so that no step needs what another one returned. */
const containerInterface = { name: 'eth0', index: 100 } as const;

const NEW_INTERFACES_IPV6 = '/proc/sys/net/ipv6/conf/default/disable_ipv6';

/**
 * What a start must do for an endpoint on a bridge.
 *
 * All of it is the parent's work, so that it runs beside the child's mounts. It goes to and fro between the two namespaces:
 * 1. in the container's: loopback up, the pair made (eth0 up, the other end put into the host's), address, route;
 * 2. in the host's: the other end up and in the bridge;
 * 3. asking for a link makes the kernel (6.8 and later) notice at once that both ends are up. Else that waits for a worker, and until then
 *    an interface silently drops what it is to send, for up to a second.
 * Elements of the firewall come last: whatever failed before, `after` has nothing of the host's to undo but them. The pair itself goes
 * away with the container's namespace.
 */
export function bridgeEndpointPlan(endpoint: Endpoint, port: BridgePort): Partial<Plan> {
  const translations = translationsOf(endpoint);
  const publish = publishPorts(port.table, translations);
  const unpublish = unpublishPorts(port.table, translations);
  return {
    before: endpoint.ports.map((published) => bindPort(endpoint, published)),
    parent: [
      ...openNamespaces(),
      ...insideContainer([
        ...withoutIpv6(port.ipv6, netlinkOperation(protocol.route, containerMessages(endpoint, port))),
      ]),
      netlinkOperation(protocol.route, hostMessages(endpoint, port)),
      ...insideContainer([netlinkOperation(protocol.route, [getLink(containerInterface.name)])]),
      { op: 'close', slot: networkSlots.container },
      { op: 'close', slot: networkSlots.host },
      ...(publish === undefined ? [] : [publish, ...forgetFlows(translations)]),
    ],
    after: unpublish === undefined ? [] : [unpublish, ...forgetFlows(translations)],
  };
}

/** A network of one: loopback alone. */
export function loopbackPlan(): Partial<Plan> {
  return { child: [netlinkOperation(protocol.route, [raiseLink(LOOPBACK_INDEX)])] };
}

/** What the firewall is to translate for an endpoint; other published ports are the supervisor's. */
export function translationsOf({ ports, ipv4Address }: Endpoint): readonly Translation[] {
  const address = parseIpv4(ipv4Address);
  if (address === undefined) return [];
  return ports.flatMap(({ protocol, hostAddress, hostPort, containerPort }) => {
    const translated = translatedAddress(hostAddress);
    return translated === undefined
      ? []
      : [{ protocol, hostAddress: translated.at, hostPort, address, port: containerPort }];
  });
}

function bindPort({ ipv4Address }: Endpoint, published: PublishedPort): Operation {
  return {
    op: 'publish',
    protocol: firewallProtocols[published.protocol],
    hostAddress: published.hostAddress,
    hostPort: published.hostPort,
    address: ipv4Address,
    port: published.containerPort,
  };
}

function openNamespaces(): readonly Operation[] {
  const own = { dir: HOST, path: '/proc/self/ns/net', flags: O_RDONLY, mode: 0, resolve: 0 };
  return [
    { op: 'open', slot: networkSlots.host, ...own },
    { op: 'openChildNamespace', slot: networkSlots.container, type: 'net' },
  ];
}

function insideContainer(steps: readonly Operation[]): readonly Operation[] {
  return [
    { op: 'setns', slot: networkSlots.container, type: CLONE_NEWNET },
    ...steps,
    { op: 'setns', slot: networkSlots.host, type: CLONE_NEWNET },
  ];
}

/**
 * An interface made by `step` has no IPv6, as in Docker where a network has none; those that the container makes itself do.
 * Changing the default around it, unlike changing the interface, waits for no lock.
 */
function withoutIpv6(ipv6: HostIpv6, step: Operation): readonly Operation[] {
  if (ipv6 === 'absent') return [step];
  const disable = (value: '0' | '1'): Operation => ({
    op: 'write',
    dir: HOST,
    path: NEW_INTERFACES_IPV6,
    flags: 0,
    mode: 0,
    data: Buffer.from(value),
    ignore: [],
  });
  return [disable('1'), step, ...(ipv6 === 'on' ? [disable('0')] : [])];
}

function containerMessages(endpoint: Endpoint, { mtu }: BridgePort) {
  const { address, subnet, gateway } = addressesOf(endpoint);
  const { name, index } = containerInterface;
  return [
    raiseLink(LOOPBACK_INDEX),
    createVethPair({
      name,
      index,
      macAddress: endpoint.macAddress,
      mtu,
      peerName: endpoint.hostInterface,
      peerNamespace: { slot: networkSlots.host },
    }),
    addAddress(index, address, subnet),
    addDefaultRoute(index, gateway),
  ];
}

function hostMessages({ hostInterface }: Endpoint, { bridgeIndex, bridgeName, interContainer }: BridgePort) {
  return [
    attachToBridge(hostInterface, bridgeIndex),
    ...(interContainer ? [] : [isolatePort(hostInterface)]),
    getLink(bridgeName),
  ];
}

function addressesOf(endpoint: Endpoint): { address: Ipv4; subnet: Subnet; gateway: Ipv4 } {
  const address = parseIpv4(endpoint.ipv4Address) ?? 0;
  const gateway = parseIpv4(endpoint.gateway) ?? 0;
  return { address, subnet: subnetOf(address, endpoint.ipv4PrefixLength), gateway };
}
