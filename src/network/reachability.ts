import type { Context } from '../base/context.ts';
import type { Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import { HOST, type Operation } from '../plan/operations.ts';
import { PlanError } from '../plan/plan-error.ts';
import type { Endpoint, PortReach, PublishedPort } from './contract.ts';
import { firewallProtocols, translatedAddress } from './firewall.ts';
import { describeChain } from './firewall-passage.ts';
import { type IpAddress, ipBytes, isLinkLocal, parseIp } from './ip.ts';
import {
  decodeAddress,
  decodeDefaultRoute,
  dumpAddresses,
  dumpRoutes,
  type IndexedAddress,
} from './netlink/addresses.ts';
import { LOOPBACK_INDEX, protocol } from './netlink/constants.ts';
import { BRIDGE_GROUP, decodeLink, dumpLinks, type Link } from './netlink/links.ts';
import { type Message, netlinkOperation } from './netlink/message.ts';
import { readMessages } from './netlink/reader.ts';
import { hooks } from './nftables/constants.ts';
import type { Packet } from './nftables/packet.ts';
import { dumpRuleset, readRuleset } from './nftables/ruleset.ts';
import { dumpSet, readSet, setKey } from './nftables/sets.ts';
import { setsNeeded, type World, walkHook } from './nftables/walk.ts';

/** How packets to published ports go, on this host. */
export interface Ways {
  /** Sampan's own table: what it lets pass is known. */
  readonly table: string;
  /** By which they come back once the host has let them in; undefined where the host is not asked. */
  readonly gate: string | undefined;
}

/** Of the endpoint's network: its interface on the host, and whether nothing gets into it. */
export interface Destination {
  readonly endpoint: Endpoint;
  readonly bridge: string;
  readonly internal: boolean;
}

/** An interface that other hosts' packets come in by, with an address of this host's there. */
interface Entrance {
  readonly name: string;
  readonly address: IpAddress;
}

/** The host's firewall and interfaces as they are now. */
export interface Surveyed {
  readonly world: World;
  readonly entrances: readonly Entrance[];
  /** The tables of the old iptables, which nftables knows nothing of. */
  readonly legacy: boolean;
}

/** Looks at both once, for any number of ports. */
export async function surveyFirewall(
  context: Context,
  launcher: Launcher,
  { table, gate }: Ways,
): Promise<Surveyed> {
  const results = await launcher.run(context, {
    before: [
      ...dumpRuleset(),
      routeDump(dumpLinks()),
      routeDump(dumpAddresses()),
      routeDump(dumpRoutes(4)),
      routeDump(dumpRoutes(6)),
    ],
  });
  const messages = (step: number) => [...readMessages(results.get(step) ?? new Uint8Array())];
  const ruleset = readRuleset(results, 0);
  const needed = setsNeeded({ ruleset, except: table });
  const contents = await launcher.run(context, { before: needed.flatMap(dumpSet) });
  const sets = new Map(needed.map((name, index) => [setKey(name), readSet(contents, index * 2)]));
  const entrances = entrancesOf(
    messages(2).flatMap((message) => decodeLink(message) ?? []),
    messages(3).flatMap((message) => decodeAddress(message) ?? []),
    new Set([...messages(4), ...messages(5)].flatMap((message) => decodeDefaultRoute(message) ?? [])),
    gate,
  );
  return {
    world: { ruleset, sets, except: table },
    entrances,
    legacy: await hasLegacyTables(context, launcher),
  };
}

function routeDump(message: Message): Operation {
  return netlinkOperation(protocol.route, [message], [errno.EAFNOSUPPORT, errno.EOPNOTSUPP]);
}

/** The kernel lists them: "filter\nnat\n". It has no list where it has no such tables. */
async function hasLegacyTables(context: Context, launcher: Launcher): Promise<boolean> {
  const path = '/proc/self/net/ip_tables_names';
  try {
    const results = await launcher.run(context, { before: [{ op: 'read', dir: HOST, path, limit: 256 }] });
    return Buffer.from(results.get(0) ?? []).includes('filter');
  } catch (error) {
    if (error instanceof PlanError && error.failure.errno === errno.ENOENT) return false;
    throw error;
  }
}

/** Not loopback, not containers' bridges and what is in a bridge; other bridges only where the way out leads through them. */
function entrancesOf(
  links: readonly Link[],
  addresses: readonly IndexedAddress[],
  out: ReadonlySet<number>,
  gate: string | undefined,
): readonly Entrance[] {
  const outside = links.filter(({ index, name, master, group, kind }) => {
    const own = index === LOOPBACK_INDEX || master !== 0 || group === BRIDGE_GROUP || name === gate;
    return !own && (kind !== 'bridge' || out.has(index));
  });
  return outside.flatMap(({ index, name }) =>
    addresses.flatMap((found) =>
      found.index === index && !isLinkLocal(found.address) ? [{ name, address: found.address }] : [],
    ),
  );
}

/** What becomes of another host's request for each of an endpoint's ports. */
export function reachOf(surveyed: Surveyed, ways: Ways, destination: Destination): readonly PortReach[] {
  return destination.endpoint.ports.map((port) => ({
    port,
    ...reachOfPort(surveyed, ways, destination, port),
  }));
}

/** Where the host could not be looked at. */
export function reachUnknown({ ports }: Endpoint): readonly PortReach[] {
  return ports.map((port) => ({ port, reach: 'unknown', deniedBy: 'rules that cannot be read' }));
}

type Reach = Omit<PortReach, 'port'>;

const open: Reach = { reach: 'open', deniedBy: '' };

function reachOfPort(surveyed: Surveyed, ways: Ways, destination: Destination, port: PublishedPort): Reach {
  const translated = translatedAddress(port.hostAddress);
  if (translated === undefined) return { reach: 'local', deniedBy: '' };
  if (destination.internal)
    return { reach: 'local', deniedBy: `internal network ${destination.endpoint.networkName}` };
  if (surveyed.legacy) return { reach: 'unknown', deniedBy: 'iptables-legacy' };
  const entrances = surveyed.entrances.filter(({ address }) => address.family === translated.family);
  const [first, ...others] = entrances.map(({ name, address }) => {
    const steps = stepsOf(ways, destination, port, { name, address: translated.at ?? address });
    return { name, ...through(surveyed.world, steps) };
  });
  if (first === undefined) return { reach: 'local', deniedBy: '' };
  const { name, ...reach } = first;
  if (others.every((other) => other.reach === reach.reach)) return reach;
  const denied = [first, ...others].find(({ deniedBy }) => deniedBy !== '');
  return { reach: 'limited', deniedBy: `${denied?.deniedBy ?? ''} on ${denied?.name ?? name}` };
}

interface Step {
  readonly hook: number;
  readonly packet: Packet;
}

/** The hooks that a request passes: as one to this host, and as one to the container unless the supervisor relays it. */
function stepsOf(
  { gate }: Ways,
  { endpoint, bridge }: Destination,
  port: PublishedPort,
  entrance: Entrance,
): readonly Step[] {
  const { family } = entrance.address;
  const own = parseIp(family === 4 ? endpoint.ipv4Address : endpoint.ipv6Address);
  const common = {
    family,
    protocol: firewallProtocols[port.protocol],
    outputName: '',
    outputGroup: 0,
  } as const;
  const routed = port.hostPort === 0;
  const arriving: Packet = {
    ...{ ...common, inputName: entrance.name, translated: false },
    destination: ipBytes(routed && own !== undefined ? own : entrance.address),
    port: routed ? port.containerPort : port.hostPort,
    originalPort: routed ? port.containerPort : port.hostPort,
  };
  const asked: readonly Step[] =
    routed || (gate === undefined && own !== undefined) ? [] : [{ hook: hooks.input, packet: arriving }];
  const arrival = { hook: hooks.prerouting, packet: arriving };
  if (own === undefined) return [arrival, ...asked];
  const forwarded: Packet = {
    ...arriving,
    inputName: routed ? entrance.name : (gate ?? entrance.name),
    ...{ outputName: bridge, outputGroup: BRIDGE_GROUP, destination: ipBytes(own) },
    ...{ port: port.containerPort, translated: !routed },
  };
  return [arrival, ...asked, { hook: hooks.forward, packet: forwarded }];
}

function through(world: World, steps: readonly Step[]): Reach {
  let limited: Reach | undefined;
  for (const { hook, packet } of steps) {
    const { passes, droppedBy } = walkHook(world, hook, packet);
    if (droppedBy === undefined) continue;
    const deniedBy = `${describeChain(droppedBy.chain)}${droppedBy.byPolicy ? ' (policy drop)' : ''}`;
    if (!passes) return { reach: 'denied', deniedBy };
    limited ??= { reach: 'limited', deniedBy };
  }
  return limited ?? open;
}
