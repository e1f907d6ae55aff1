import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import type { Protocol } from './contract.ts';
import { type Ipv4, ipv4Bytes, parseIpv4 } from './ipv4.ts';
import type { Message } from './netlink/message.ts';
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  type BaseChain,
  deleteElements,
  deleteTable,
  type Element,
  type SetShape,
  transaction,
  valueData,
} from './nftables/batch.ts';
import {
  dataType,
  family,
  hooks,
  INTERFACE_NAME_SIZE,
  metaKey,
  priorities,
  setFlag,
  trackingState,
  trackingStatus,
  verdicts,
} from './nftables/constants.ts';
import {
  accept,
  bigEndian16,
  destinationAddress,
  destinationNat,
  destinationPort,
  drop,
  type Expression,
  equal,
  inSet,
  interfaceName,
  jump,
  mapValue,
  mapVerdict,
  masquerade,
  meta,
  notEqual,
  toLocalAddress,
  trackedState,
  trackedStatus,
  verdictData,
} from './nftables/expressions.ts';

/**
 * Sampan's firewall: one nftables table of family inet, and nothing outside it.
 *
 * Its rules never change. What comes and goes are elements of sets and maps, so that publishing a port is one message whose cost
 * does not grow with the number of containers, and undoing it another:
 *
 * - `published`: protocol and host port on any address of the host -> address and port of the container;
 * - `published_at`: the same for one address of the host;
 * - `bridges`: the interfaces of Sampan's networks;
 * - `masqueraded`: those of them whose packets leave with the host's address;
 * - `inside`: from bridge to bridge -> whether containers may talk.
 *
 * Asked from loopback, over IPv6 or by a container, a published port is the business of its supervisor, whose socket reserves it.
 *
 * What a chain here accepts, other tables may still drop: `accept` ends this table's chain only. Where another firewall drops what it
 * does not know (ufw, iptables' FORWARD policy after dockerd), the administrator must let these bridges pass there.
 */

export const firewallProtocols: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** A bridge of Sampan's as the firewall sees it. */
export interface FirewallBridge {
  readonly name: string;
  /** Whether its containers may talk to each other. */
  readonly interContainer: boolean;
  /** Whether what its containers send elsewhere bears the host's address. */
  readonly masquerade: boolean;
}

/** A host port that is translated: `hostAddress` undefined for every address of the host. */
export interface Translation {
  readonly protocol: Protocol;
  readonly hostAddress: Ipv4 | undefined;
  readonly hostPort: number;
  readonly address: Ipv4;
  readonly port: number;
}

const sets = {
  published: {
    name: 'published',
    flags: setFlag.map,
    key: [
      { type: dataType.protocol, length: 1 },
      { type: dataType.service, length: 2 },
    ],
    data: [
      { type: dataType.ipv4Address, length: 4 },
      { type: dataType.service, length: 2 },
    ],
  },
  publishedAt: {
    name: 'published_at',
    flags: setFlag.map,
    key: [
      { type: dataType.ipv4Address, length: 4 },
      { type: dataType.protocol, length: 1 },
      { type: dataType.service, length: 2 },
    ],
    data: [
      { type: dataType.ipv4Address, length: 4 },
      { type: dataType.service, length: 2 },
    ],
  },
  bridges: {
    name: 'bridges',
    flags: 0,
    key: [{ type: dataType.interfaceName, length: INTERFACE_NAME_SIZE }],
    hostOrder: true,
  },
  masqueraded: {
    name: 'masqueraded',
    flags: 0,
    key: [{ type: dataType.interfaceName, length: INTERFACE_NAME_SIZE }],
    hostOrder: true,
  },
  inside: {
    name: 'inside',
    flags: setFlag.map,
    key: [
      { type: dataType.interfaceName, length: INTERFACE_NAME_SIZE },
      { type: dataType.interfaceName, length: INTERFACE_NAME_SIZE },
    ],
    data: [{ type: dataType.verdict, length: INTERFACE_NAME_SIZE }],
  },
} as const satisfies Record<string, SetShape>;

/** The whole table, replacing one of that name in the same instant. */
export function loadFirewall(
  table: string,
  bridges: readonly FirewallBridge[],
  translations: readonly Translation[],
): Operation {
  const messages: Message[] = [addTable(table), deleteTable(table), addTable(table)];
  for (const [index, set] of Object.values(sets).entries()) messages.push(addSet(table, set, index + 1));
  for (const { name, base } of chains) messages.push(addChain(table, name, base));
  for (const { name, rules } of chains) {
    for (const rule of rules) messages.push(addRule(table, name, rule));
  }
  messages.push(...bridgeElements(table, bridges));
  messages.push(...translationElements(table, translations));
  return transaction(messages);
}

/** Deletes the table; none there is fine. */
export function unloadFirewall(table: string): Operation {
  return transaction([addTable(table), deleteTable(table)]);
}

/** Makes translations take effect; undefined when there are none. */
export function publishPorts(table: string, translations: readonly Translation[]): Operation | undefined {
  const messages = translationElements(table, translations);
  return messages.length === 0 ? undefined : transaction(messages);
}

/** Ends translations; they, or the table, being gone already is fine. */
export function unpublishPorts(table: string, translations: readonly Translation[]): Operation | undefined {
  const { anywhere, somewhere } = split(translations);
  const messages: Message[] = [];
  if (anywhere.length > 0) messages.push(deleteElements(table, sets.published.name, anywhere.map(keyOf)));
  if (somewhere.length > 0) messages.push(deleteElements(table, sets.publishedAt.name, somewhere.map(keyOf)));
  return messages.length === 0 ? undefined : transaction(messages, [errno.ENOENT]);
}

function bridgeElements(table: string, bridges: readonly FirewallBridge[]): readonly Message[] {
  const nameOf = ({ name }: FirewallBridge): Element => ({ key: interfaceName(name) });
  const inside = bridges.map(({ name, interContainer }): Element => {
    const key = Buffer.concat([interfaceName(name), interfaceName(name)]);
    return { key, data: verdictData(interContainer ? verdicts.accept : verdicts.drop) };
  });
  const masqueraded = bridges.filter(({ masquerade }) => masquerade);
  return [
    addElements(table, sets.bridges.name, bridges.map(nameOf)),
    addElements(table, sets.inside.name, inside),
    addElements(table, sets.masqueraded.name, masqueraded.map(nameOf)),
  ];
}

function translationElements(table: string, translations: readonly Translation[]): readonly Message[] {
  const { anywhere, somewhere } = split(translations);
  const messages: Message[] = [];
  if (anywhere.length > 0) messages.push(addElements(table, sets.published.name, anywhere.map(elementOf)));
  if (somewhere.length > 0)
    messages.push(addElements(table, sets.publishedAt.name, somewhere.map(elementOf)));
  return messages;
}

function split(translations: readonly Translation[]) {
  return {
    anywhere: translations.filter(({ hostAddress }) => hostAddress === undefined),
    somewhere: translations.filter(({ hostAddress }) => hostAddress !== undefined),
  };
}

function elementOf(translation: Translation): Element {
  const target = [ipv4Bytes(translation.address), padded(bigEndian16(translation.port))];
  return { key: keyOf(translation), data: valueData(Buffer.concat(target)) };
}

function keyOf({ hostAddress, protocol, hostPort }: Translation): Uint8Array {
  const port = [padded(Uint8Array.of(firewallProtocols[protocol])), padded(bigEndian16(hostPort))];
  return Buffer.concat(hostAddress === undefined ? port : [ipv4Bytes(hostAddress), ...port]);
}

/** Each field of a concatenation fills whole registers. */
function padded(bytes: Uint8Array): Uint8Array {
  const field = new Uint8Array(4);
  field.set(bytes);
  return field;
}

const isIpv4: readonly Expression[] = [meta(metaKey.family), equal(Uint8Array.of(family.ipv4))];
const toBridge: readonly Expression[] = [meta(metaKey.outputName), inSet(sets.bridges.name)];
const toElsewhere: readonly Expression[] = [
  meta(metaKey.outputName),
  inSet(sets.bridges.name, { absent: true }),
];
const fromElsewhere: readonly Expression[] = [
  meta(metaKey.inputName),
  inSet(sets.bridges.name, { absent: true }),
];
const loopbackNetwork = Uint8Array.of(127);

interface Chain {
  readonly name: string;
  readonly base?: BaseChain;
  readonly rules: readonly (readonly Expression[])[];
}

const chains: readonly Chain[] = [
  {
    name: 'publish',
    rules: [
      [
        ...isIpv4,
        destinationAddress(),
        meta(metaKey.protocol, 1),
        destinationPort(2),
        mapValue(sets.publishedAt.name),
        destinationNat(),
      ],
      [
        ...isIpv4,
        meta(metaKey.protocol),
        destinationPort(1),
        mapValue(sets.published.name),
        destinationNat(),
      ],
    ],
  },
  {
    // Ports published on 127.0.0.1 stay the host's own, even where another program has turned route_localnet on.
    name: 'guard',
    base: { type: 'filter', hook: hooks.prerouting, priority: priorities.raw },
    rules: [
      [
        meta(metaKey.inputName),
        notEqual(interfaceName('lo')),
        ...isIpv4,
        destinationAddress(1),
        equal(loopbackNetwork),
        drop,
      ],
    ],
  },
  {
    // Containers that ask for a host port are left to the supervisors' sockets: with br_netfilter the bridge would carry the translated
    // packet itself, which does not reach the port that it came from, and without it the answer would not come back this way.
    name: 'prerouting',
    base: { type: 'nat', hook: hooks.prerouting, priority: priorities.destinationNat },
    rules: [[...fromElsewhere, ...toLocalAddress(), jump('publish')]],
  },
  {
    // Loopback is left to the supervisors' sockets: translated packets could not leave with a source of 127.0.0.1.
    name: 'output',
    base: { type: 'nat', hook: hooks.output, priority: priorities.destinationNat },
    rules: [
      [...isIpv4, destinationAddress(1), notEqual(loopbackNetwork), ...toLocalAddress(), jump('publish')],
    ],
  },
  {
    // To a container: answers, published ports, its neighbours; nothing else, from outside or from other networks.
    name: 'forward',
    base: { type: 'filter', hook: hooks.forward, priority: priorities.filter },
    rules: [
      [...toBridge, ...trackedState(trackingState.established | trackingState.related), accept],
      [...toBridge, ...trackedStatus(trackingStatus.destinationNat), accept],
      [meta(metaKey.inputName), meta(metaKey.outputName, 4), mapVerdict(sets.inside.name)],
      [...toBridge, drop],
    ],
  },
  {
    name: 'postrouting',
    base: { type: 'nat', hook: hooks.postrouting, priority: priorities.sourceNat },
    rules: [[meta(metaKey.inputName), inSet(sets.masqueraded.name), ...toElsewhere, masquerade()]],
  },
];

/** What of a published address the firewall translates; undefined for loopback and IPv6, which the supervisor relays alone. */
export function translatedAddress(hostAddress: string): { readonly at: Ipv4 | undefined } | undefined {
  if (hostAddress === '0.0.0.0') return { at: undefined };
  const address = parseIpv4(hostAddress);
  return address === undefined || address >>> 24 === 127 ? undefined : { at: address };
}
