import {
  type InterfaceAddress,
  type IpAddress,
  type IpFamily,
  ipBytes,
  ipFromBytes,
  lastOf,
  type Subnet,
} from '../ip.ts';
import {
  addressAttribute,
  addressFlag,
  family,
  messageFlag,
  messageType,
  route,
  routeAttribute,
} from './constants.ts';
import type { Message } from './message.ts';
import { type ReceivedMessage, readAttributes, u32 } from './reader.ts';

/** RTM_*ADDR and RTM_*ROUTE messages (rtnetlink(7)). */

const familyNumber: Readonly<Record<IpFamily, number>> = { 4: family.ipv4, 6: family.ipv6 };

/** Gives the interface with this index an address, an IPv6 one without waiting whether others have it: allocation knows. */
export function addAddress(index: number, { address, subnet }: InterfaceAddress): Message {
  const flags = address.family === 6 ? addressFlag.noDuplicateDetection : 0;
  const header = Uint8Array.of(familyNumber[address.family], subnet.prefixLength, flags, 0, 0, 0, 0, 0);
  new DataView(header.buffer).setUint32(4, index, true);
  const broadcast =
    address.family === 4 ? ([[addressAttribute.broadcast, ipBytes(lastOf(subnet))]] as const) : [];
  return {
    type: messageType.newAddress,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header,
    attributes: [
      [addressAttribute.local, ipBytes(address)],
      [addressAttribute.address, ipBytes(address)],
      ...broadcast,
    ],
  };
}

/** The default route through `gateway`, which must be on the interface's own subnet. */
export function addDefaultRoute(index: number, gateway: IpAddress): Message {
  return {
    type: messageType.newRoute,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header: routeHeader(gateway.family, route.scopeUniverse),
    attributes: [
      [routeAttribute.gateway, ipBytes(gateway)],
      [routeAttribute.outputInterface, index],
    ],
  };
}

/** The default route straight out of an interface, as ipvlan's l3 modes have it. */
export function addDeviceRoute(index: number, ipFamily: IpFamily): Message {
  return {
    type: messageType.newRoute,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header: routeHeader(ipFamily, route.scopeLink),
    attributes: [[routeAttribute.outputInterface, index]],
  };
}

/** A route to one address, straight out of the interface. */
export function addHostRoute(address: IpAddress, index: number): Message {
  const header = routeHeader(address.family, route.scopeLink);
  header[1] = address.family === 4 ? 32 : 128;
  return {
    type: messageType.newRoute,
    flags: messageFlag.ack | messageFlag.create | messageFlag.exclusive,
    header,
    attributes: [
      [routeAttribute.destination, ipBytes(address)],
      [routeAttribute.outputInterface, index],
    ],
  };
}

/** Deletes one default route of the family, whatever it leads through; ESRCH if there is none. */
export function deleteDefaultRoute(ipFamily: IpFamily): Message {
  const header = routeHeader(ipFamily, ipFamily === 4 ? route.scopeNowhere : route.scopeUniverse);
  header[5] = 0;
  header[7] = 0;
  return { type: messageType.deleteRoute, flags: messageFlag.ack, header, attributes: [] };
}

/** struct rtmsg of a route to everywhere. */
function routeHeader(ipFamily: IpFamily, scope: number): Uint8Array {
  const header = new Uint8Array(12);
  header.set([
    familyNumber[ipFamily],
    0,
    0,
    0,
    route.tableMain,
    route.protocolBoot,
    scope,
    route.typeUnicast,
  ]);
  return header;
}

/** Of both families. */
export function dumpAddresses(): Message {
  const header = new Uint8Array(8);
  return { type: messageType.getAddress, flags: messageFlag.dump, header, attributes: [] };
}

export function dumpRoutes(ipFamily: IpFamily): Message {
  const header = new Uint8Array(12);
  header[0] = familyNumber[ipFamily];
  return { type: messageType.getRoute, flags: messageFlag.dump, header, attributes: [] };
}

export interface IndexedAddress {
  readonly index: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** Undefined for a message that is no address. */
export function decodeAddress({ type, payload }: ReceivedMessage): IndexedAddress | undefined {
  if (type !== messageType.newAddress || payload.length < 8) return undefined;
  const attributes = readAttributes(payload, 8);
  const local = attributes.get(addressAttribute.local) ?? attributes.get(addressAttribute.address);
  const address = local === undefined ? undefined : ipFromBytes(local);
  if (address === undefined || familyNumber[address.family] !== payload[0]) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  return { index: u32(payload, 4), address, prefixLength: Math.min(payload[1] ?? bits, bits) };
}

/** The destination of a route; undefined for a default route and for what is no route. */
export function decodeRoute({ type, payload }: ReceivedMessage): Subnet | undefined {
  if (type !== messageType.newRoute || payload.length < 12) return undefined;
  const bytes = readAttributes(payload, 12).get(routeAttribute.destination);
  const destination = bytes === undefined ? undefined : ipFromBytes(bytes);
  if (destination === undefined || familyNumber[destination.family] !== payload[0]) return undefined;
  const bits = destination.family === 4 ? 32 : 128;
  const prefixLength = Math.min(payload[1] ?? bits, bits);
  return { family: destination.family, network: destination.value, prefixLength };
}

/** The interface that a default route goes by; undefined for other routes. */
export function decodeDefaultRoute({ type, payload }: ReceivedMessage): number | undefined {
  if (type !== messageType.newRoute || payload.length < 12 || payload[1] !== 0) return undefined;
  const index = readAttributes(payload, 12).get(routeAttribute.outputInterface);
  return index === undefined ? undefined : u32(index, 0);
}
