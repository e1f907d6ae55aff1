import type { Context } from '../base/context.ts';
import { internal, invalid } from '../base/errors.ts';
import type { Launcher, PlanResults } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import type { Endpoint } from './contract.ts';
import {
  firstOf,
  type InterfaceAddress,
  isLinkLocal,
  lastOf,
  overlap,
  parseInterfaceAddress,
  parsePrefix,
  type Subnet,
  sameIp,
  subnetOf,
} from './ip.ts';
import { macAddressFor } from './ipam.ts';
import {
  addAddress,
  decodeAddress,
  decodeRoute,
  dumpAddresses,
  dumpRoutes,
  type IndexedAddress,
} from './netlink/addresses.ts';
import { protocol } from './netlink/constants.ts';
import {
  adoptBridge,
  attachToBridge,
  createBridge,
  decodeLink,
  deleteLink,
  dumpLinks,
  getLink,
  type Link,
} from './netlink/links.ts';
import { type Message, netlinkOperation } from './netlink/message.ts';
import { readMessages } from './netlink/reader.ts';
import { type PortRange, parsePortRange } from './ports.ts';
import { firstFreeSubnet, type SubnetPool } from './subnets.ts';

export interface Bridge extends InterfaceAddress {
  readonly name: string;
  readonly ipv6: InterfaceAddress | undefined;
  readonly index: number;
  /** Made by Sampan, hence Sampan's to remove. */
  readonly own: boolean;
}

export interface BridgeOptions {
  readonly name: string;
  readonly mtu: number;
  /** As configured: an address with its prefix length, or empty for the first free subnet. */
  readonly address: string;
  /** The subnet, where no address is configured; empty for one that is free. */
  readonly subnet: string;
  /** The same for IPv6; undefined for none. */
  readonly ipv6: { readonly address: string; readonly subnet: string } | undefined;
  /** Gateways of running containers, where they are the bridge: it keeps its addresses. */
  readonly inUse: {
    readonly ipv4: InterfaceAddress | undefined;
    readonly ipv6: InterfaceAddress | undefined;
  };
  /** Subnets that are promised to other networks. */
  readonly otherNetworks: readonly Subnet[];
  /** Where a free one is looked for. */
  readonly pools: readonly SubnetPool[];
  /** Host ends of running containers, put back if the bridge had gone. */
  readonly ports: readonly string[];
}

/** What the host's network looked like before the bridge was touched. */
export interface HostNetwork {
  readonly links: readonly Link[];
  /** The bridge, if it is there. */
  readonly link: Link | undefined;
  readonly linkAddress: InterfaceAddress | undefined;
  readonly linkAddress6: InterfaceAddress | undefined;
  /** Subnets of other interfaces and routes. */
  readonly taken: readonly Subnet[];
  readonly forwarding: boolean;
  readonly ephemeralPorts: PortRange;
}

const SETTINGS = '/proc/sys/net/ipv4';

/** Looks at the host through one launcher. */
export async function inspectHost(
  context: Context,
  launcher: Launcher,
  bridge: string,
): Promise<HostNetwork> {
  const results = await launcher.run(context, {
    before: [
      ...hostDumps(),
      { op: 'read', dir: HOST, path: `${SETTINGS}/ip_forward`, limit: 16 },
      { op: 'read', dir: HOST, path: `${SETTINGS}/ip_local_port_range`, limit: 64 },
    ],
  });
  const links = decodeAll(results, 0, decodeLink);
  const link = links.find(({ name }) => name === bridge);
  const addresses = decodeAll(results, 1, decodeAddress).filter(({ index }) => index === link?.index);
  const linkAddress = addressOf(addresses, 4);
  const linkAddress6 = addressOf(addresses, 6);
  const taken = takenSubnets(results).filter((subnet) =>
    [linkAddress, linkAddress6].every((own) => own === undefined || !overlap(own.subnet, subnet)),
  );
  return {
    links,
    link,
    linkAddress,
    linkAddress6,
    taken,
    forwarding: textResult(results, DUMPS).trim() !== '0',
    ephemeralPorts: parsePortRange(textResult(results, DUMPS + 1)),
  };
}

/** The first of a family, link-local ones aside. */
function addressOf(addresses: readonly IndexedAddress[], family: 4 | 6): InterfaceAddress | undefined {
  const found = addresses.find(({ address }) => address.family === family && !isLinkLocal(address));
  if (found === undefined) return undefined;
  return { address: found.address, subnet: subnetOf(found.address, found.prefixLength) };
}

/** Links, addresses and routes: the first steps of a look at the host. */
function hostDumps(): readonly Operation[] {
  const noIpv6 = [errno.EAFNOSUPPORT, errno.EOPNOTSUPP];
  return [
    route([dumpLinks()]),
    route([dumpAddresses()]),
    route([dumpRoutes(4)]),
    route([dumpRoutes(6)], noIpv6),
  ];
}

const DUMPS = 4;

/** Subnets that interfaces have and routes lead to; single addresses' and everybody's routes aside. */
function takenSubnets(results: PlanResults): readonly Subnet[] {
  const addresses = decodeAll(results, 1, decodeAddress);
  return [
    ...addresses.map(({ address, prefixLength }) => subnetOf(address, prefixLength)),
    ...decodeAll(results, 2, decodeRoute),
    ...decodeAll(results, 3, decodeRoute),
  ];
}

/** What a new network has to go around. */
export async function surveyHost(
  context: Context,
  launcher: Launcher,
): Promise<{ readonly links: readonly Link[]; readonly taken: readonly Subnet[] }> {
  const results = await launcher.run(context, { before: hostDumps() });
  return { links: decodeAll(results, 0, decodeLink), taken: takenSubnets(results) };
}

/**
 * Makes the bridge what it should be and says what it is. An existing one keeps its address unless another is configured and
 * no container is using it; one that somebody else made gets that as a further address. Running containers' addresses decide
 * before all else.
 */
export async function prepareBridge(
  context: Context,
  launcher: Launcher,
  host: HostNetwork,
  options: BridgeOptions,
): Promise<Bridge> {
  const wanted = chooseAddress(context, host, options);
  const ipv6 = chooseAddress6(host, options);
  const { name } = options;
  if (host.link !== undefined && host.link.kind !== 'bridge') {
    throw internal(`interface ${name} exists and is not a bridge`, {
      hint: 'Choose another name with --bridge.',
    });
  }
  const own = host.link === undefined || isOwn(host);
  const stale = own && (differs(host.linkAddress, wanted) || differs(host.linkAddress6, ipv6));
  const before: Operation[] = [];
  if (host.link !== undefined && stale) before.push(route([deleteLink(name)]));
  if (host.link === undefined || stale) {
    const macAddress = macAddressFor(wanted.address);
    before.push(route([createBridge({ name, macAddress, mtu: options.mtu })]));
  }
  before.push(route([getLink(name)]));
  const link = firstLink(await launcher.run(context, { before }), before.length - 1);
  if (link === undefined) throw internal(`the kernel does not show bridge ${name}`);
  const settle = [
    addAddress(link.index, wanted),
    adoptBridge(link.index),
    ...options.ports.map((port) => attachToBridge(port, link.index)),
  ];
  await launcher.run(context, { before: [route(settle, [errno.EEXIST, errno.ENODEV])] });
  return { name, index: link.index, own, ...wanted, ipv6 };
}

/** Whether the bridge has another address than it should. */
function differs(found: InterfaceAddress | undefined, wanted: InterfaceAddress | undefined): boolean {
  return found !== undefined && (wanted === undefined || !sameIp(found.address, wanted.address));
}

/** Bridges that Sampan makes bear the MAC address that belongs to their address. */
function isOwn({ link, linkAddress }: HostNetwork): boolean {
  return linkAddress !== undefined && link?.macAddress === macAddressFor(linkAddress.address);
}

/** Lets the kernel pass packets between interfaces. Other firewalls decide what else on this host that lets through. */
export function enableForwarding(): Operation {
  const path = `${SETTINGS}/ip_forward`;
  return { op: 'write', dir: HOST, path, flags: 0, mode: 0, data: Buffer.from('1'), ignore: [] };
}

function chooseAddress(context: Context, host: HostNetwork, options: BridgeOptions): InterfaceAddress {
  const configured = options.address === '' ? undefined : parseInterfaceAddress(options.address);
  const { inUse } = options;
  if (inUse.ipv4 !== undefined) {
    if (configured !== undefined && !sameIp(configured.address, inUse.ipv4.address)) {
      context.log.warn('running containers keep the bridge at its address', { bridge: options.name });
    }
    return inUse.ipv4;
  }
  if (configured !== undefined) return checked(configured, options.address);
  if (options.subnet !== '') return checked(firstAddress(options.subnet, 4), options.subnet);
  if (host.linkAddress !== undefined) return host.linkAddress;
  const subnet = firstFreeSubnet([...host.taken, ...options.otherNetworks], 4, options.pools);
  return { address: { family: 4, value: subnet.network + 1n }, subnet };
}

function chooseAddress6(host: HostNetwork, options: BridgeOptions): InterfaceAddress | undefined {
  const { inUse, ipv6 } = options;
  if (inUse.ipv6 !== undefined) return inUse.ipv6;
  if (ipv6 === undefined) return undefined;
  if (ipv6.address !== '') return checked6(parseInterfaceAddress(ipv6.address), ipv6.address);
  if (ipv6.subnet !== '') return checked6(firstAddress(ipv6.subnet, 6), ipv6.subnet);
  if (host.linkAddress6 !== undefined) return host.linkAddress6;
  const subnet = firstFreeSubnet([...host.taken, ...options.otherNetworks], 6, options.pools);
  return { address: { family: 6, value: subnet.network + 1n }, subnet };
}

/** The first address of a subnet that a host may have. */
function firstAddress(text: string, family: 4 | 6): InterfaceAddress {
  const { subnet } = parseInterfaceAddress(text);
  return { address: { family, value: subnet.network + 1n }, subnet };
}

function checked6(wanted: InterfaceAddress, text: string): InterfaceAddress {
  const { address, subnet } = wanted;
  if (
    address.family === 6 &&
    subnet.family === 6 &&
    subnet.prefixLength <= 126 &&
    !sameIp(address, firstOf(subnet))
  )
    return wanted;
  throw invalid(`invalid bridge address: ${text}`, {
    hint: 'Give an IPv6 address with its prefix, like fd00:1::1/64.',
  });
}

type Joined = Pick<Endpoint, 'gateway' | 'ipv4PrefixLength' | 'ipv6Gateway' | 'ipv6PrefixLength'>;

/** What running containers need the bridge to have: its own addresses, or where it is gone what they take for their gateways. */
export function addressesInUse(endpoints: readonly Joined[], host: HostNetwork): BridgeOptions['inUse'] {
  const [first] = endpoints;
  const sixth = endpoints.find(({ ipv6PrefixLength }) => ipv6PrefixLength > 0);
  const gateway = (text: string, prefixLength: number) => parsePrefix(`${text}/${prefixLength}`);
  return {
    ipv4: first && (host.linkAddress ?? gateway(first.gateway, first.ipv4PrefixLength)),
    ipv6: sixth && (host.linkAddress6 ?? gateway(sixth.ipv6Gateway, sixth.ipv6PrefixLength)),
  };
}

/** A bridge's address leaves room for containers beside it. */
function checked(wanted: InterfaceAddress, text: string): InterfaceAddress {
  const { address, subnet } = wanted;
  const usable = subnet.prefixLength >= 8 && subnet.prefixLength <= 30;
  if (usable && address.family === 4 && !sameIp(address, firstOf(subnet)) && !sameIp(address, lastOf(subnet)))
    return wanted;
  throw invalid(`invalid bridge address: ${text}`, {
    hint: 'Give an address with its prefix, like 10.20.0.1/16.',
  });
}

function route(messages: readonly Message[], ignore: readonly number[] = []): Operation {
  return netlinkOperation(protocol.route, messages, ignore);
}

function firstLink(results: PlanResults, step: number): Link | undefined {
  return decodeAll(results, step, decodeLink)[0];
}

function decodeAll<T>(
  results: PlanResults,
  step: number,
  decode: (message: { type: number; payload: Uint8Array }) => T | undefined,
): T[] {
  return [...readMessages(results.get(step) ?? new Uint8Array())].flatMap((message) => decode(message) ?? []);
}

function textResult(results: PlanResults, step: number): string {
  return new TextDecoder().decode(results.get(step));
}
