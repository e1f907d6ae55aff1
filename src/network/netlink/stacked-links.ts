import {
  ipvlanInfo,
  linkAttribute,
  linkInfo,
  macvlanInfo,
  messageFlag,
  messageType,
  vethInfo,
  vlanInfo,
} from './constants.ts';
import { linkHeader, macBytes } from './links.ts';
import type { Attribute, DescriptorSlot, Message } from './message.ts';

/** RTM_NEWLINK for interfaces that sit on another one, and for what stands in for one (linux/if_link.h). */

/** MACVLAN_MODE_*. */
export const macvlanModes: ReadonlyMap<string, number> = new Map([
  ['private', 1],
  ['vepa', 2],
  ['bridge', 4],
  ['passthru', 8],
]);

/** IPVLAN_MODE_*. */
export const ipvlanModes: ReadonlyMap<string, number> = new Map([
  ['l2', 0],
  ['l3', 1],
  ['l3s', 2],
]);

/** IPVLAN_F_*. */
export const ipvlanFlags: ReadonlyMap<string, number> = new Map([
  ['bridge', 0],
  ['private', 1],
  ['vepa', 2],
]);

export type StackedKind =
  | { readonly kind: 'macvlan'; readonly mode: number; readonly macAddress: string }
  | { readonly kind: 'ipvlan'; readonly mode: number; readonly flags: number };

export interface StackedLink {
  readonly name: string;
  /** In the namespace it is put into. */
  readonly index: number;
  /** Index of the interface below it, in the socket's namespace. */
  readonly parent: number;
  readonly namespace: DescriptorSlot;
  readonly kind: StackedKind;
}

/** Makes a macvlan or ipvlan interface in another namespace, left down. */
export function createStackedLink({ name, index, parent, namespace, kind }: StackedLink): Message {
  const address: readonly Attribute[] =
    kind.kind === 'macvlan' ? [[linkAttribute.address, macBytes(kind.macAddress)]] : [];
  return newLink(index, false, [
    [linkAttribute.name, name],
    [linkAttribute.link, parent],
    [linkAttribute.namespaceFd, namespace],
    ...address,
    infoOf(kind.kind, stackedData(kind)),
  ]);
}

function stackedData(kind: StackedKind): readonly Attribute[] {
  if (kind.kind === 'macvlan') return [[macvlanInfo.mode, kind.mode]];
  return [
    [ipvlanInfo.mode, littleEndian16(kind.mode)],
    [ipvlanInfo.flags, littleEndian16(kind.flags)],
  ];
}

/** Makes the VLAN `id` of an interface, up. */
export function createVlan(name: string, parent: number, id: number): Message {
  return newLink(0, true, [
    [linkAttribute.name, name],
    [linkAttribute.link, parent],
    infoOf('vlan', [[vlanInfo.id, littleEndian16(id)]]),
  ]);
}

/** An interface that leads nowhere, up. EOPNOTSUPP where the kernel has none. */
export function createDummy(name: string): Message {
  return newLink(0, true, [[linkAttribute.name, name], infoOf('dummy', [])]);
}

/** A pair of interfaces that lead to each other alone; the first is up. */
export function createPair(name: string, peerName: string): Message {
  const peer: Attribute = [
    vethInfo.peer,
    { header: linkHeader({}), attributes: [[linkAttribute.name, peerName]] },
  ];
  return newLink(0, true, [[linkAttribute.name, name], infoOf('veth', [peer])]);
}

/** Sets the interface of this name up. */
export function raiseNamedLink(name: string): Message {
  return {
    type: messageType.newLink,
    flags: messageFlag.ack,
    header: linkHeader({ up: true }),
    attributes: [[linkAttribute.name, name]],
  };
}

function newLink(index: number, up: boolean, attributes: readonly Attribute[]): Message {
  return {
    type: messageType.newLink,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header: linkHeader({ index, up }),
    attributes,
  };
}

function infoOf(kind: string, data: readonly Attribute[]): Attribute {
  return [
    linkAttribute.info,
    [
      [linkInfo.kind, kind],
      [linkInfo.data, data],
    ],
  ];
}

function littleEndian16(value: number): Uint8Array {
  return Uint8Array.of(value & 255, value >>> 8);
}
