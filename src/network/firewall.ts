import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import type { Protocol } from './contract.ts';
import { type Families, type Gate, gateTables, removeGateTables } from './firewall-gate.ts';
import { chainsFor, sets } from './firewall-rules.ts';
import { type IpAddress, ipBytes, parseIp } from './ip.ts';
import type { Message } from './netlink/message.ts';
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteElements,
  deleteTable,
  type Element,
  type SetShape,
  transaction,
  valueData,
} from './nftables/batch.ts';
import { verdicts } from './nftables/constants.ts';
import { bigEndian16, interfaceName, verdictData } from './nftables/expressions.ts';

/**
 * Sampan's firewall: one nftables table of family inet, and nothing outside it.
 *
 * Its rules never change (see `firewall-rules.ts`). What comes and goes are elements of sets and maps, so that publishing a port is one
 * message whose cost does not grow with the number of containers, and undoing it another.
 *
 * Asked from loopback, from a link-local address, over IPv6 where the container has none, or by a container, a published port is its supervisor's,
 * whose socket reserves it.
 *
 * What a chain here accepts, other tables may still drop: `accept` ends this table's chain only. `firewall-gate.ts` is how the host's input
 * chains are asked, `firewall-passage.ts` how containers pass those that forward nothing by default.
 */

export const firewallProtocols: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** A bridge of Sampan's as the firewall sees it. */
export interface FirewallBridge {
  readonly name: string;
  /** Whether its containers may talk to each other. */
  readonly interContainer: boolean;
  /** Whether what its containers send elsewhere bears the host's address. */
  readonly masquerade: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** Nothing enters or leaves it. */
  readonly internal: boolean;
  /** Everything may enter it, published or not. */
  readonly open: { readonly ipv4: boolean; readonly ipv6: boolean };
}

/** A host port that is translated: `hostAddress` undefined for every address of the host. Both addresses are of one family. */
export interface Translation {
  readonly protocol: Protocol;
  readonly hostAddress: IpAddress | undefined;
  readonly hostPort: number;
  readonly address: IpAddress;
  readonly port: number;
}

/** A container's port that is reached at the container's own address. */
export interface OpenPort {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
}

/** What a container's ports are in the firewall. */
export interface FirewallPorts {
  readonly translations: readonly Translation[];
  readonly open: readonly OpenPort[];
  /** Others' ports that it may reach. */
  readonly linked?: readonly (OpenPort & { readonly source: IpAddress })[];
}

export interface Contents {
  readonly bridges: readonly FirewallBridge[];
  readonly ports: FirewallPorts;
  readonly gate?: Gate | undefined;
  /** IPv6 is let pass, whatever the rest says. */
  readonly ipv4Only?: boolean;
  /** Of the host; both when absent. */
  readonly families?: Families;
}

const bothFamilies: Families = [4, 6];

/** The whole table, replacing one of that name in the same instant; with a gate, where there is one, for what comes from outside. */
export function loadFirewall(
  table: string,
  { bridges, ports, gate, ipv4Only = false, families = bothFamilies }: Contents,
): Operation {
  const chains = chainsFor({ gate, ipv4Only });
  const messages: Message[] = [addTable(table), deleteTable(table), addTable(table)];
  for (const [index, set] of Object.values(sets).entries()) messages.push(addSet(table, set, index + 1));
  for (const { name, base } of chains) messages.push(addChain(table, name, base));
  for (const { name, rules, comment } of chains) {
    for (const rule of rules) messages.push(addRule(table, name, rule, { comment }));
  }
  messages.push(...additions(table, bridgeElements(bridges)), ...additions(table, portElements(ports)));
  messages.push(
    ...(gate === undefined ? removeGateTables(table, families) : gateTables(table, gate, families)),
  );
  return transaction(messages);
}

/** Deletes the table; none there is fine. */
export function unloadFirewall(table: string, families: Families = bothFamilies): Operation {
  return transaction([addTable(table), deleteTable(table), ...removeGateTables(table, families)]);
}

/** Where somebody has just flushed the table it comes back with all that is to be in it, so its being gone is fine here and below. */
export function addBridge(table: string, bridge: FirewallBridge): Operation {
  return transaction(additions(table, bridgeElements([bridge])), [errno.ENOENT]);
}

/** The bridge being gone already is fine. */
export function removeBridgeRules(table: string, bridge: FirewallBridge): Operation {
  return transaction(deletions(table, bridgeElements([bridge])), [errno.ENOENT]);
}

/** Makes ports reachable; undefined when there are none. */
export function publishPorts(table: string, ports: FirewallPorts): Operation | undefined {
  const messages = additions(table, portElements(ports));
  return messages.length === 0 ? undefined : transaction(messages, [errno.ENOENT]);
}

/** Ends that; they being gone already is fine. */
export function unpublishPorts(table: string, ports: FirewallPorts): Operation | undefined {
  const messages = deletions(table, portElements(ports));
  return messages.length === 0 ? undefined : transaction(messages, [errno.ENOENT]);
}

/** The same where any of them may be there and any not: one that is missing would keep the whole transaction from being, so it is added first. */
export function clearPorts(table: string, ports: FirewallPorts): Operation | undefined {
  const elements = portElements(ports);
  const messages = [...additions(table, elements), ...deletions(table, elements)];
  return messages.length === 0 ? undefined : transaction(messages, [errno.ENOENT]);
}

type Elements = readonly (readonly [SetShape, readonly Element[]])[];

function additions(table: string, elements: Elements): readonly Message[] {
  return elements.flatMap(([set, list]) =>
    portions(list).map((portion) => addElements(table, set.name, portion)),
  );
}

function deletions(table: string, elements: Elements): readonly Message[] {
  return elements.flatMap(([set, list]) => {
    const keys = list.map(({ key }) => key);
    return portions(keys).map((portion) => deleteElements(table, set.name, portion));
  });
}

/** An attribute has at most 64 KiB, and an element with its data some 90 bytes. */
const ELEMENTS_AT_ONCE = 500;

function portions<T>(list: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(list.length / ELEMENTS_AT_ONCE);
  return Array.from({ length: count }, (_, index) =>
    list.slice(index * ELEMENTS_AT_ONCE, (index + 1) * ELEMENTS_AT_ONCE),
  );
}

function bridgeElements(bridges: readonly FirewallBridge[]): Elements {
  const namesOf = (which: (bridge: FirewallBridge) => boolean): readonly Element[] =>
    bridges.filter(which).map(({ name }) => ({ key: interfaceName(name) }));
  const inside = bridges.map(({ name, interContainer }): Element => {
    const key = Buffer.concat([interfaceName(name), interfaceName(name)]);
    return { key, data: verdictData(interContainer ? verdicts.accept : verdicts.drop) };
  });
  return [
    [sets.bridges, namesOf(() => true)],
    [sets.inside, inside],
    [sets.masqueraded, namesOf(({ masquerade }) => masquerade.ipv4)],
    [sets.masqueraded6, namesOf(({ masquerade }) => masquerade.ipv6)],
    [sets.internal, namesOf(({ internal }) => internal)],
    [sets.open, namesOf(({ open }) => open.ipv4)],
    [sets.open6, namesOf(({ open }) => open.ipv6)],
  ];
}

function portElements({ translations, open, linked = [] }: FirewallPorts): Elements {
  const translated = (family: 4 | 6, anywhere: boolean): readonly Element[] =>
    translations
      .filter(({ address, hostAddress }) => {
        return address.family === family && (hostAddress === undefined) === anywhere;
      })
      .map((translation) => ({
        key: translationKey(translation),
        data: valueData(Buffer.concat([ipBytes(translation.address), paddedPort(translation.port)])),
      }));
  const routed = (family: 4 | 6): readonly Element[] =>
    open
      .filter(({ address }) => address.family === family)
      .map(({ address, protocol, port }) => ({
        key: Buffer.concat([ipBytes(address), paddedProtocol(protocol), paddedPort(port)]),
      }));
  return [
    [sets.published, translated(4, true)],
    [sets.publishedAt, translated(4, false)],
    [sets.published6, translated(6, true)],
    [sets.publishedAt6, translated(6, false)],
    [sets.routed, routed(4)],
    [sets.routed6, routed(6)],
    [
      sets.linked,
      linked.map(({ source, address, protocol, port }) => ({
        key: Buffer.concat([ipBytes(source), ipBytes(address), paddedProtocol(protocol), paddedPort(port)]),
      })),
    ],
  ];
}

function translationKey({ hostAddress, protocol, hostPort }: Translation): Uint8Array {
  const port = [paddedProtocol(protocol), paddedPort(hostPort)];
  return Buffer.concat(hostAddress === undefined ? port : [ipBytes(hostAddress), ...port]);
}

/** Each field of a concatenation fills whole registers. */
function padded(bytes: Uint8Array): Uint8Array {
  const field = new Uint8Array(4);
  field.set(bytes);
  return field;
}

function paddedProtocol(protocol: Protocol): Uint8Array {
  return padded(Uint8Array.of(firewallProtocols[protocol]));
}

function paddedPort(port: number): Uint8Array {
  return padded(bigEndian16(port));
}

/** What of a published address the firewall translates; undefined for loopback, which the supervisor relays alone. */
export function translatedAddress(
  hostAddress: string,
): { readonly family: 4 | 6; readonly at: IpAddress | undefined } | undefined {
  if (hostAddress === '0.0.0.0') return { family: 4, at: undefined };
  if (hostAddress === '::') return { family: 6, at: undefined };
  const at = parseIp(hostAddress);
  if (at === undefined) return undefined;
  const loopback = at.family === 4 ? at.value >> 24n === 127n : at.value === 1n;
  return loopback ? undefined : { family: at.family, at };
}
