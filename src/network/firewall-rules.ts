import { type Gate, INPUT_PRIORITY } from './firewall-gate.ts';
import type { BaseChain, SetShape } from './nftables/batch.ts';
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
} from './nftables/constants.ts';
import {
  accept,
  destinationAddress,
  destinationAddress6,
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
  outOf,
  setMark,
  sourceAddress,
  sourcePrefix6,
  toLocalAddress,
  trackedState,
  trackedStatus,
} from './nftables/expressions.ts';

/**
 * What the firewall's table holds. Its rules never change; what comes and goes are elements of these:
 *
 * - `published`: protocol and host port on any IPv4 address of the host -> address and port of the container; `published6` for IPv6;
 * - `published_at`, `published6_at`: the same for one address of the host;
 * - `bridges`: the interfaces of Sampan's networks;
 * - `masqueraded`, `masqueraded6`: those of them whose packets leave with the host's address;
 * - `inside`: from bridge to bridge -> whether containers may talk;
 * - `internal`: bridges that nothing enters or leaves; `open`, `open6`: bridges that everything enters;
 * - `linked`: from container to container's protocol and port, where they may not talk otherwise;
 * - `routed`, `routed6`: address, protocol and port of containers that are reached without translation.
 */
const protocolField = { type: dataType.protocol, length: 1 };
const portField = { type: dataType.service, length: 2 };
const interfaceField = { type: dataType.interfaceName, length: INTERFACE_NAME_SIZE };
const address4 = { type: dataType.ipv4Address, length: 4 };
const address6 = { type: dataType.ipv6Address, length: 16 };

const bridgeSet = (name: string) => ({ name, flags: 0, key: [interfaceField], hostOrder: true }) as const;

export const sets = {
  published: {
    name: 'published',
    flags: setFlag.map,
    key: [protocolField, portField],
    data: [address4, portField],
  },
  publishedAt: {
    name: 'published_at',
    flags: setFlag.map,
    key: [address4, protocolField, portField],
    data: [address4, portField],
  },
  published6: {
    name: 'published6',
    flags: setFlag.map,
    key: [protocolField, portField],
    data: [address6, portField],
  },
  publishedAt6: {
    name: 'published6_at',
    flags: setFlag.map,
    key: [address6, protocolField, portField],
    data: [address6, portField],
  },
  bridges: bridgeSet('bridges'),
  masqueraded: bridgeSet('masqueraded'),
  masqueraded6: bridgeSet('masqueraded6'),
  inside: {
    name: 'inside',
    flags: setFlag.map,
    key: [interfaceField, interfaceField],
    data: [{ type: dataType.verdict, length: INTERFACE_NAME_SIZE }],
  },
  internal: bridgeSet('internal'),
  open: bridgeSet('open'),
  open6: bridgeSet('open6'),
  linked: { name: 'linked', flags: 0, key: [address4, address4, protocolField, portField] },
  routed: { name: 'routed', flags: 0, key: [address4, protocolField, portField] },
  routed6: { name: 'routed6', flags: 0, key: [address6, protocolField, portField] },
} as const satisfies Record<string, SetShape>;

const ofFamily = (number: number): readonly Expression[] => [
  meta(metaKey.family),
  equal(Uint8Array.of(number)),
];
const isIpv4 = ofFamily(family.ipv4);
const isIpv6 = ofFamily(family.ipv6);
const from = (set: SetShape, absent = false): readonly Expression[] => [
  meta(metaKey.inputName),
  inSet(set.name, { absent }),
];
const to = (set: SetShape, absent = false): readonly Expression[] => [
  meta(metaKey.outputName),
  inSet(set.name, { absent }),
];
const toBridge = to(sets.bridges);
const insideVerdict: readonly Expression[] = [
  meta(metaKey.inputName),
  meta(metaKey.outputName, 4),
  mapVerdict(sets.inside.name),
];
const loopbackNetwork = Uint8Array.of(127);
const loopback6 = Uint8Array.of(...new Array<number>(15).fill(0), 1);
/** Whoever asks from such an address cannot be answered by a container, on another link: he is left to the supervisors. */
const notFromLinkLocal6 = [sourcePrefix6(2), notEqual(Uint8Array.of(0xfe, 0x80))];

interface Chain {
  readonly name: string;
  readonly base?: BaseChain;
  readonly rules: readonly Rule[];
  /** With each rule, where `nft` cannot say what it means. */
  readonly comment?: string;
}

type Rule = readonly Expression[];

/** Register of the protocol behind an address at register 0, and of the port behind that. */
const behind = { 4: [1, 2], 6: [4, 5] } as const;

/** Rules that do something with what is addressed to a published port, `then` after a look-up that leaves register 0 to it. */
function published(thenIpv4: Rule, thenIpv6: Rule, ipv4Only: boolean): readonly Rule[] {
  const at = (number: 4 | 6) => [
    number === 4 ? destinationAddress() : destinationAddress6(),
    meta(metaKey.protocol, behind[number][0]),
    destinationPort(behind[number][1]),
  ];
  const anywhere = [meta(metaKey.protocol), destinationPort(1)];
  const rules: readonly Rule[] = [
    [...isIpv4, ...at(4), mapValue(sets.publishedAt.name), ...thenIpv4],
    [...isIpv4, ...anywhere, mapValue(sets.published.name), ...thenIpv4],
  ];
  if (ipv4Only) return rules;
  return [
    ...rules,
    [...isIpv6, ...notFromLinkLocal6, ...at(6), mapValue(sets.publishedAt6.name), ...thenIpv6],
    [...isIpv6, ...notFromLinkLocal6, ...anywhere, mapValue(sets.published6.name), ...thenIpv6],
  ];
}

type GateParts = Pick<Gate, 'outName' | 'inName' | 'mark'>;

interface Shape {
  readonly gate: GateParts | undefined;
  /** IPv6 is let pass. */
  readonly ipv4Only: boolean;
}

/** The table's chains. With a gate, what comes from outside has to pass the host's input chains first. */
export function chainsFor({ gate, ipv4Only }: Shape): readonly Chain[] {
  const through = gate === undefined ? [] : throughGate(gate, ipv4Only);
  return [...common(gate, ipv4Only), ...through];
}

function throughGate({ inName, mark }: GateParts, ipv4Only: boolean): readonly Chain[] {
  const fromGate = [meta(metaKey.inputName), equal(interfaceName(inName))];
  const toGate = setMark(mark);
  return [
    { name: 'admit', rules: published(toGate, toGate, ipv4Only), comment: 'to a published port' },
    {
      // Nobody is behind a port that came through the gate and was not translated. Loopback and containers are left to the supervisors.
      name: 'input',
      base: { type: 'filter', hook: hooks.input, priority: INPUT_PRIORITY },
      rules: [
        [...fromGate, drop],
        [meta(metaKey.inputName), equal(interfaceName('lo')), accept],
        [...from(sets.bridges), accept],
        [...trackedState(trackingState.new), ...toLocalAddress(), jump('admit')],
      ],
    },
  ];
}

function common(gate: GateParts | undefined, ipv4Only: boolean): readonly Chain[] {
  const fromGate = gate && [meta(metaKey.inputName), equal(interfaceName(gate.inName))];
  const arriving = fromGate ?? [...from(sets.bridges, true), ...toLocalAddress()];
  // What somebody sent to the gate's far side would go round and round.
  const unmark = gate && fromGate ? [[...fromGate, ...setMark(0), ...outOf(gate.outName), drop]] : [];
  return [
    { name: 'publish', rules: published([destinationNat(4)], [destinationNat(6)], ipv4Only) },
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
      rules: [[...arriving, jump('publish')]],
    },
    {
      // Loopback is left to the supervisors' sockets: translated packets could not leave with a source of 127.0.0.1.
      name: 'output',
      base: { type: 'nat', hook: hooks.output, priority: priorities.destinationNat },
      rules: [
        [...isIpv4, destinationAddress(1), notEqual(loopbackNetwork), ...toLocalAddress(), jump('publish')],
        [...isIpv6, destinationAddress6(), notEqual(loopback6), ...toLocalAddress(), jump('publish')],
      ],
    },
    {
      // To a container: answers, published ports, its neighbours; nothing else, from outside or from other networks.
      name: 'forward',
      base: { type: 'filter', hook: hooks.forward, priority: priorities.filter },
      rules: [
        ...unmark,
        ...(ipv4Only ? [[...isIpv6, accept]] : []),
        [...from(sets.internal), ...insideVerdict],
        [...from(sets.internal), drop],
        [...to(sets.internal), drop],
        [...toBridge, ...trackedState(trackingState.established | trackingState.related), accept],
        [...toBridge, ...trackedStatus(trackingStatus.destinationNat), accept],
        [
          ...from(sets.bridges),
          ...isIpv4,
          sourceAddress(),
          destinationAddress(4, 1),
          meta(metaKey.protocol, 2),
          destinationPort(3),
          inSet(sets.linked.name),
          accept,
        ],
        insideVerdict,
        [...isIpv4, ...to(sets.open), accept],
        [...isIpv6, ...to(sets.open6), accept],
        [
          ...isIpv4,
          destinationAddress(),
          meta(metaKey.protocol, behind[4][0]),
          destinationPort(behind[4][1]),
          inSet(sets.routed.name),
          accept,
        ],
        [
          ...isIpv6,
          destinationAddress6(),
          meta(metaKey.protocol, behind[6][0]),
          destinationPort(behind[6][1]),
          inSet(sets.routed6.name),
          accept,
        ],
        [...toBridge, drop],
      ],
    },
    {
      name: 'postrouting',
      base: { type: 'nat', hook: hooks.postrouting, priority: priorities.sourceNat },
      rules: [
        [...isIpv4, ...from(sets.masqueraded), ...to(sets.bridges, true), masquerade()],
        ...(ipv4Only
          ? []
          : [[...isIpv6, ...from(sets.masqueraded6), ...to(sets.bridges, true), masquerade()]]),
      ],
    },
  ];
}
