import { broadcastOf, type Ipv4, ipv4Bytes, type Subnet } from '../ipv4.ts';
import { addressAttribute, family, messageFlag, messageType, route, routeAttribute } from './constants.ts';
import type { Message } from './message.ts';
import { type ReceivedMessage, readAttributes, u32 } from './reader.ts';

/** RTM_*ADDR and RTM_*ROUTE messages for IPv4 (rtnetlink(7)). */

/** Gives the interface with this index an address of `subnet`. */
export function addAddress(index: number, address: Ipv4, subnet: Subnet): Message {
  const header = Uint8Array.of(family.ipv4, subnet.prefixLength, 0, 0, 0, 0, 0, 0);
  new DataView(header.buffer).setUint32(4, index, true);
  return {
    type: messageType.newAddress,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header,
    attributes: [
      [addressAttribute.local, ipv4Bytes(address)],
      [addressAttribute.address, ipv4Bytes(address)],
      [addressAttribute.broadcast, ipv4Bytes(broadcastOf(subnet))],
    ],
  };
}

/** The default route through `gateway`, which must be on the interface's own subnet. */
export function addDefaultRoute(index: number, gateway: Ipv4): Message {
  const header = new Uint8Array(12);
  header.set([
    family.ipv4,
    0,
    0,
    0,
    route.tableMain,
    route.protocolBoot,
    route.scopeUniverse,
    route.typeUnicast,
  ]);
  return {
    type: messageType.newRoute,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header,
    attributes: [
      [routeAttribute.gateway, ipv4Bytes(gateway)],
      [routeAttribute.outputInterface, index],
    ],
  };
}

export function dumpAddresses(): Message {
  const header = Uint8Array.of(family.ipv4, 0, 0, 0, 0, 0, 0, 0);
  return { type: messageType.getAddress, flags: messageFlag.dump, header, attributes: [] };
}

export function dumpRoutes(): Message {
  const header = new Uint8Array(12);
  header[0] = family.ipv4;
  return { type: messageType.getRoute, flags: messageFlag.dump, header, attributes: [] };
}

export interface InterfaceAddress {
  readonly index: number;
  readonly address: Ipv4;
  readonly prefixLength: number;
}

/** Undefined for a message that is no IPv4 address. */
export function decodeAddress(message: ReceivedMessage): InterfaceAddress | undefined {
  const { type, payload } = message;
  if (type !== messageType.newAddress || payload.length < 8 || payload[0] !== family.ipv4) return undefined;
  const attributes = readAttributes(payload, 8);
  const local = attributes.get(addressAttribute.local) ?? attributes.get(addressAttribute.address);
  if (local?.length !== 4) return undefined;
  return { index: u32(payload, 4), address: readIpv4(local), prefixLength: payload[1] ?? 32 };
}

/** The destination of an IPv4 route; undefined for a default route and for what is no route. */
export function decodeRoute(message: ReceivedMessage): Subnet | undefined {
  const { type, payload } = message;
  if (type !== messageType.newRoute || payload.length < 12 || payload[0] !== family.ipv4) return undefined;
  const destination = readAttributes(payload, 12).get(routeAttribute.destination);
  if (destination?.length !== 4) return undefined;
  return { network: readIpv4(destination), prefixLength: payload[1] ?? 32 };
}

function readIpv4(bytes: Uint8Array): Ipv4 {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
