import { CLONE_NEWNET, O_RDONLY } from '../plan/constants.ts';
import { errno } from '../plan/errno.ts';
import { HOST, type Operation, type Plan } from '../plan/operations.ts';
import { type Endpoint, type Gateways, networkSlots, type PublishedPort } from './contract.ts';
import {
  clearPorts,
  type FirewallPorts,
  firewallProtocols,
  type OpenPort,
  publishPorts,
  type Translation,
  translatedAddress,
  unpublishPorts,
} from './firewall.ts';
import { type InterfaceAddress, parseIp, parsePrefix } from './ip.ts';
import { addAddress, addDefaultRoute, addDeviceRoute, deleteDefaultRoute } from './netlink/addresses.ts';
import { LOOPBACK_INDEX, protocol } from './netlink/constants.ts';
import { deleteLink, raiseLink } from './netlink/links.ts';
import { type Message, netlinkOperation } from './netlink/message.ts';
import { forgetFlows } from './nftables/conntrack.ts';

/**
 * Whether the host's kernel has IPv6, and whether new interfaces get it: the two states of net.ipv6.conf.default.disable_ipv6.
 */
export type HostIpv6 = 'absent' | 'on' | 'off';

/** Steps that put an endpoint's interface into a container, whose namespace and the host's are open in `networkSlots`. */
export type JoinSteps = readonly Operation[];

const NEW_INTERFACES_IPV6 = '/proc/sys/net/ipv6/conf/default/disable_ipv6';

/** A container's interfaces have the same index in each of its namespaces, so that no step needs what another one returned. */
const FIRST_INDEX = 100;

/** Whether an interface in a container is one that was made for an endpoint. */
export function isOwnIndex(index: number): boolean {
  return index >= FIRST_INDEX && index <= FIRST_INDEX + 900;
}

export function interfaceIndex(name: string): number {
  const number = /\d+$/.exec(name)?.[0];
  return FIRST_INDEX + (number === undefined ? 900 : Number(number) % 900);
}

/**
 * What a start must do for an endpoint.
 *
 * All of it is the parent's work, so that it runs beside the child's mounts. Elements of the firewall come last: whatever failed
 * before, `after` has nothing of the host's to undo but them. The interface itself goes away with the container's namespace.
 */
export function startPlan(endpoint: Endpoint, table: string, steps: JoinSteps): Partial<Plan> {
  return {
    before: bindPorts(endpoint),
    parent: [
      openHost(),
      { op: 'openChildNamespace', slot: networkSlots.container, type: 'net' },
      ...steps,
      ...closeNamespaces(),
      ...publishSteps(firewallPortsOf(endpoint), table),
    ],
    after: unpublishSteps(endpoint, table),
  };
}

/** What ends an endpoint's part in the firewall. */
function unpublishSteps(endpoint: Endpoint, table: string): readonly Operation[] {
  return withdrawSteps(firewallPortsOf(endpoint), table);
}

/** The same for one whose ports changed while it lived: how much of that the firewall heard of is not known. */
export function clearSteps(endpoint: Endpoint, table: string): readonly Operation[] {
  const ports = firewallPortsOf(endpoint);
  const clear = clearPorts(table, ports);
  return clear === undefined ? [] : [clear, ...forgetFlows(ports.translations)];
}

/** Steps that take ports out of the firewall; none of no ports. */
export function withdrawSteps(ports: FirewallPorts, table: string): readonly Operation[] {
  const unpublish = unpublishPorts(table, ports);
  return unpublish === undefined ? [] : [unpublish, ...forgetFlows(ports.translations)];
}

/** Steps that let the firewall lead to ports; none of no ports. */
export function publishSteps(ports: FirewallPorts, table: string): readonly Operation[] {
  const publish = publishPorts(table, ports);
  return publish === undefined ? [] : [publish, ...forgetFlows(ports.translations)];
}

/** The same steps for a process that runs already. */
export function livePlan(pid: number, steps: readonly Operation[]): Partial<Plan> {
  return {
    before: [
      openHost(),
      { op: 'openProcess', slot: networkSlots.container, pid },
      ...steps,
      ...closeNamespaces(),
    ],
  };
}

/** A network of one: loopback alone. */
export function loopbackPlan(): Partial<Plan> {
  return { child: [netlinkOperation(protocol.route, [raiseLink(LOOPBACK_INDEX)])] };
}

/** Takes an interface out of a container; one that is gone is fine. */
export function removalSteps({ interfaceName }: Endpoint): JoinSteps {
  return insideContainer([netlinkOperation(protocol.route, [deleteLink(interfaceName)], [errno.ENODEV])]);
}

/** Replaces a container's default routes. */
export function rerouteSteps({ ipv4, ipv6 }: Gateways): JoinSteps {
  // IPv4 and IPv6 have different words for there being none.
  const gone = [errno.ESRCH, errno.ENOENT, errno.ENODEV, errno.EAFNOSUPPORT];
  return insideContainer([
    netlinkOperation(protocol.route, [deleteDefaultRoute(4)], gone),
    netlinkOperation(protocol.route, [deleteDefaultRoute(6)], gone),
    ...[
      ...(ipv4 === undefined ? [] : defaultRoutes(ipv4, { ipv4: true, ipv6: false })),
      ...(ipv6 === undefined ? [] : defaultRoutes(ipv6, { ipv4: false, ipv6: true })),
    ].map((message) => netlinkOperation(protocol.route, [message])),
  ]);
}

/** Addresses, loopback and default routes of an endpoint's interface, which is there and up. */
export function addressMessages(endpoint: Endpoint, linkLocal: readonly string[]): readonly Message[] {
  const index = interfaceIndex(endpoint.interfaceName);
  const own = [
    `${endpoint.ipv4Address}/${endpoint.ipv4PrefixLength}`,
    `${endpoint.ipv6Address}/${endpoint.ipv6PrefixLength}`,
    ...linkLocal.map((text) => `${text}/${text.includes(':') ? 64 : 16}`),
  ];
  const addresses: readonly InterfaceAddress[] = own.flatMap((text) => parsePrefix(text) ?? []);
  return addresses.map((address) => addAddress(index, address));
}

/** The default routes by an endpoint; straight out of the interface where the network has no gateway's address. */
export function defaultRoutes(
  endpoint: Endpoint,
  wanted: { readonly ipv4: boolean; readonly ipv6: boolean },
): readonly Message[] {
  const index = interfaceIndex(endpoint.interfaceName);
  const routes: Message[] = [];
  for (const [family, gateway, asked] of [
    [4, endpoint.gateway, wanted.ipv4],
    [6, endpoint.ipv6Gateway, wanted.ipv6],
  ] as const) {
    if (!asked) continue;
    if (gateway === DEVICE_ROUTE) routes.push(addDeviceRoute(index, family));
    const address = parseIp(gateway);
    if (address !== undefined) routes.push(addDefaultRoute(index, address));
  }
  return routes;
}

/** In place of a gateway's address: the interface itself is the way. */
export const DEVICE_ROUTE = '*';

/** What the firewall is to do for an endpoint; other published ports are the supervisor's. */
export function firewallPortsOf({ ports, ipv4Address, ipv6Address, linked }: Endpoint): FirewallPorts {
  const own = { 4: parseIp(ipv4Address), 6: parseIp(ipv6Address) };
  const translations: Translation[] = [];
  const open: OpenPort[] = [];
  for (const { protocol, hostAddress, hostPort, containerPort: port } of ports) {
    if (hostPort === 0) {
      const address = hostAddress.includes(':') ? own[6] : own[4];
      if (address !== undefined) open.push({ protocol, address, port });
      continue;
    }
    const translated = translatedAddress(hostAddress);
    const address = translated === undefined ? undefined : own[translated.family];
    if (translated === undefined || address === undefined) continue;
    translations.push({ protocol, hostAddress: translated.at, hostPort, address, port });
  }
  if (linked === undefined || own[4] === undefined) return { translations, open };
  const source = own[4];
  const reached = linked.flatMap(({ address: text, ...port }) => {
    const address = parseIp(text);
    return address?.family === 4 ? [{ ...port, source, address }] : [];
  });
  return { translations, open, linked: reached };
}

/** Steps that reserve an endpoint's ports, and what the supervisor relays to. */
export function bindPorts(endpoint: Endpoint): readonly Operation[] {
  return endpoint.ports.flatMap((published) => bindPort(endpoint, published));
}

/** The socket relays to the family that was asked for where the container has it. */
function bindPort({ ipv4Address, ipv6Address }: Endpoint, published: PublishedPort): readonly Operation[] {
  if (published.hostPort === 0) return [];
  const [first, second] = published.hostAddress.includes(':')
    ? [ipv6Address, ipv4Address]
    : [ipv4Address, ipv6Address];
  return [
    {
      op: 'publish',
      protocol: firewallProtocols[published.protocol],
      hostAddress: published.hostAddress,
      hostPort: published.hostPort,
      address: first || second,
      port: published.containerPort,
    },
  ];
}

function openHost(): Operation {
  const own = { dir: HOST, path: '/proc/self/ns/net', flags: O_RDONLY, mode: 0, resolve: 0 };
  return { op: 'open', slot: networkSlots.host, ...own };
}

function closeNamespaces(): readonly Operation[] {
  return [
    { op: 'close', slot: networkSlots.container },
    { op: 'close', slot: networkSlots.host },
  ];
}

export function insideContainer(steps: readonly Operation[]): readonly Operation[] {
  return [
    { op: 'setns', slot: networkSlots.container, type: CLONE_NEWNET },
    ...steps,
    { op: 'setns', slot: networkSlots.host, type: CLONE_NEWNET },
  ];
}

/**
 * An interface made by `step` has IPv6 only if its network does, as in Docker; those that the container makes itself have what the
 * host has. Changing the default around it, unlike changing the interface, waits for no lock.
 */
export function withIpv6(wanted: boolean, host: HostIpv6, step: Operation): readonly Operation[] {
  if (host === 'absent' || (wanted && host === 'on')) return [step];
  const own = host === 'on' ? '0' : '1';
  const during = wanted ? '0' : '1';
  if (own === during) return [writeSysctl(NEW_INTERFACES_IPV6, during), step];
  return [writeSysctl(NEW_INTERFACES_IPV6, during), step, writeSysctl(NEW_INTERFACES_IPV6, own)];
}

/** Writes a file of /proc/sys of the network namespace that the launcher is in. */
export function writeSysctl(path: string, value: string, ignore: readonly number[] = []): Operation {
  return { op: 'write', dir: HOST, path, flags: 0, mode: 0, data: Buffer.from(value), ignore };
}
