import {
  bridgePort,
  family,
  INTERFACE_SILENT,
  INTERFACE_UP,
  linkAttribute,
  linkInfo,
  messageFlag,
  messageType,
  SKIP_STATISTICS,
  vethInfo,
} from './constants.ts';
import type { Attribute, DescriptorSlot, Message } from './message.ts';
import { type ReceivedMessage, readAttributes, readMessages, readText, u32 } from './reader.ts';

/** RTM_*LINK messages (rtnetlink(7), linux/if_link.h). MAC addresses are "02:42:ac:11:00:02". */

export interface BridgeLink {
  readonly name: string;
  readonly macAddress: string;
  readonly mtu: number;
  /** Chosen by the caller, so that no step waits for the kernel's choice; the kernel's when absent. */
  readonly index?: number;
}

/** All bridges of containers are in it, so that other firewalls need one rule for all. "SM". */
export const BRIDGE_GROUP = 0x534d;

/** Puts a bridge that is there into the group of all, and sets it up. */
export function adoptBridge(index: number): Message {
  const link = raiseLink(index);
  return { ...link, attributes: [[linkAttribute.group, BRIDGE_GROUP]] };
}

/** Makes a bridge and sets it up. An address of its own keeps it from taking those of its ports. */
export function createBridge(bridge: BridgeLink): Message {
  return {
    type: messageType.newLink,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header: linkHeader({ index: bridge.index ?? 0, up: true }),
    attributes: [
      [linkAttribute.name, bridge.name],
      [linkAttribute.mtu, bridge.mtu],
      [linkAttribute.address, macBytes(bridge.macAddress)],
      [linkAttribute.group, BRIDGE_GROUP],
      [linkAttribute.info, [[linkInfo.kind, 'bridge']]],
    ],
  };
}

export interface VethPair {
  /** This end, in the namespace of the socket, made up. */
  readonly name: string;
  readonly index: number;
  readonly macAddress: string;
  readonly mtu: number;
  /** The other end and the namespace it is put into, left down: the kernel refuses to raise it before the pair exists. */
  readonly peerName: string;
  readonly peerNamespace: DescriptorSlot;
}

/** One queue each way is what a container needs: the default, one for each processor, costs time and memory at every start. */
const singleQueue: readonly Attribute[] = [
  [linkAttribute.transmitQueues, 1],
  [linkAttribute.receiveQueues, 1],
];

export function createVethPair(pair: VethPair): Message {
  const peer: Attribute = [
    vethInfo.peer,
    {
      header: linkHeader({}),
      attributes: [
        [linkAttribute.name, pair.peerName],
        [linkAttribute.mtu, pair.mtu],
        [linkAttribute.namespaceFd, pair.peerNamespace],
        ...singleQueue,
      ],
    },
  ];
  return {
    type: messageType.newLink,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header: linkHeader({ index: pair.index, up: true }),
    attributes: [
      [linkAttribute.name, pair.name],
      [linkAttribute.mtu, pair.mtu],
      [linkAttribute.address, macBytes(pair.macAddress)],
      ...singleQueue,
      [
        linkAttribute.info,
        [
          [linkInfo.kind, 'veth'],
          [linkInfo.data, [peer]],
        ],
      ],
    ],
  };
}

export interface LoopLink {
  readonly outName: string;
  readonly outIndex: number;
  readonly inName: string;
  readonly inIndex: number;
}

/** Nobody is asked for it: both ends have the same, and no packet is longer than they take. */
const LOOP_MAC = '02:53:41:4d:50:01';
const LOOP_MTU = 65535;

/** A pair of interfaces in the current namespace that asks nobody for addresses: what goes out of one comes in at the other. Both down. */
export function createLoop({ outName, outIndex, inName, inIndex }: LoopLink): Message {
  const common: readonly Attribute[] = [
    [linkAttribute.mtu, LOOP_MTU],
    [linkAttribute.address, macBytes(LOOP_MAC)],
  ];
  const peer: Attribute = [
    vethInfo.peer,
    {
      header: linkHeader({ index: inIndex, silent: true }),
      attributes: [[linkAttribute.name, inName], ...common],
    },
  ];
  return {
    type: messageType.newLink,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header: linkHeader({ index: outIndex, silent: true }),
    attributes: [
      [linkAttribute.name, outName],
      ...common,
      [
        linkAttribute.info,
        [
          [linkInfo.kind, 'veth'],
          [linkInfo.data, [peer]],
        ],
      ],
    ],
  };
}

/** Sets the interface with this index up. */
export function raiseLink(index: number): Message {
  return {
    type: messageType.newLink,
    flags: messageFlag.ack,
    header: linkHeader({ index, up: true }),
    attributes: [],
  };
}

/** Makes interface `name` a port of the bridge with this index, and sets it up. */
export function attachToBridge(name: string, bridgeIndex: number): Message {
  return {
    type: messageType.newLink,
    flags: messageFlag.ack,
    header: linkHeader({ up: true }),
    attributes: [
      [linkAttribute.name, name],
      [linkAttribute.master, bridgeIndex],
    ],
  };
}

/** Keeps a bridge's port from reaching other isolated ports: containers that may not talk to each other. */
export function isolatePort(name: string): Message {
  return {
    type: messageType.newLink,
    flags: messageFlag.ack,
    header: linkHeader({}),
    attributes: [
      [linkAttribute.name, name],
      [
        linkAttribute.info,
        [
          [linkInfo.slaveKind, 'bridge'],
          [linkInfo.slaveData, [[bridgePort.isolated, Uint8Array.of(1)]]],
        ],
      ],
    ],
  };
}

/** Asks for one link; answered by RTM_NEWLINK, or ENODEV. */
export function getLink(name: string): Message {
  return {
    type: messageType.getLink,
    flags: messageFlag.ack,
    header: linkHeader({}),
    attributes: [
      [linkAttribute.name, name],
      [linkAttribute.extendedMask, SKIP_STATISTICS],
    ],
  };
}

/** Asks for all links. */
export function dumpLinks(): Message {
  return {
    type: messageType.getLink,
    flags: messageFlag.dump,
    header: linkHeader({}),
    attributes: [[linkAttribute.extendedMask, SKIP_STATISTICS]],
  };
}

export function deleteLink(name: string): Message {
  return {
    type: messageType.deleteLink,
    flags: messageFlag.ack,
    header: linkHeader({}),
    attributes: [[linkAttribute.name, name]],
  };
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Of the interface it is enslaved to; 0 for none. */
  readonly master: number;
  readonly macAddress: string;
  /** "bridge", "veth" ...; empty for a device of the machine. */
  readonly kind: string;
  /** 0 unless somebody put it into another one. */
  readonly group: number;
  /** The namespace that its peer, or the interface below, is in, by the number that its own gives it; undefined for the same one. */
  readonly linkNamespace: number | undefined;
}

/** The links of an answer to `dumpLinks` or `getLink`. */
export function decodeLinks(bytes: Uint8Array): readonly Link[] {
  return [...readMessages(bytes)].flatMap((message) => decodeLink(message) ?? []);
}

/** Undefined for a message that is no link. */
export function decodeLink(message: ReceivedMessage): Link | undefined {
  if (message.type !== messageType.newLink || message.payload.length < 16) return undefined;
  const attributes = readAttributes(message.payload, 16);
  const name = attributes.get(linkAttribute.name);
  if (name === undefined) return undefined;
  const info = readAttributes(attributes.get(linkAttribute.info) ?? new Uint8Array(), 0);
  const master = attributes.get(linkAttribute.master);
  const group = attributes.get(linkAttribute.group);
  const linkNamespace = attributes.get(linkAttribute.linkNamespaceId);
  return {
    index: u32(message.payload, 4),
    name: readText(name),
    macAddress: formatMac(attributes.get(linkAttribute.address) ?? new Uint8Array()),
    master: master === undefined ? 0 : u32(master, 0),
    kind: readText(info.get(linkInfo.kind) ?? new Uint8Array()),
    group: group === undefined ? 0 : u32(group, 0),
    linkNamespace: linkNamespace === undefined ? undefined : u32(linkNamespace, 0),
  };
}

/** struct ifinfomsg: family, type, index, flags, and the mask of flags that change. */
export function linkHeader({
  index = 0,
  up = false,
  silent = false,
}: {
  readonly index?: number;
  readonly up?: boolean;
  readonly silent?: boolean;
}): Uint8Array {
  const flags = (up ? INTERFACE_UP : 0) | (silent ? INTERFACE_SILENT : 0);
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  header[0] = family.unspecified;
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, flags, true);
  return header;
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function macBytes(address: string): Uint8Array {
  return Uint8Array.from(address.split(':'), (part) => Number.parseInt(part, 16));
}
