import { invalid } from '../base/errors.ts';

/** An IPv4 address as an unsigned 32-bit number: what allocation and overlap tests count with. */
export type Ipv4 = number;

/** A network and the length of its prefix in bits. `network` has no bits beyond the prefix. */
export interface Subnet {
  readonly network: Ipv4;
  readonly prefixLength: number;
}

/** Undefined for anything but four decimal numbers without leading zeros, 0 to 255. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** In network order, as netlink has them. */
export function ipv4Bytes(address: Ipv4): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);
}

/** An address with its prefix length, "172.17.0.1/16"; `invalid-argument` for anything else. */
export function parseInterfaceAddress(text: string): { readonly address: Ipv4; readonly subnet: Subnet } {
  const [address = '', length = ''] = text.split('/', 2);
  const parsed = parseIpv4(address);
  const prefixLength = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (parsed === undefined || prefixLength > 32) throw invalid(`invalid CIDR address: ${text}`);
  return { address: parsed, subnet: subnetOf(parsed, prefixLength) };
}

export function subnetOf(address: Ipv4, prefixLength: number): Subnet {
  return { network: (address & maskOf(prefixLength)) >>> 0, prefixLength };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIpv4(subnet.network)}/${subnet.prefixLength}`;
}

/** How many addresses it has, those of the network and of broadcast included. */
export function sizeOf(subnet: Subnet): number {
  return 2 ** (32 - subnet.prefixLength);
}

export function broadcastOf(subnet: Subnet): Ipv4 {
  return subnet.network + sizeOf(subnet) - 1;
}

export function contains(subnet: Subnet, address: Ipv4): boolean {
  return (address & maskOf(subnet.prefixLength)) >>> 0 === subnet.network;
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.prefixLength <= b.prefixLength ? contains(a, b.network) : contains(b, a.network);
}

function maskOf(prefixLength: number): number {
  return prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
}
