import { isIPv4, isIPv6 } from 'node:net';
import { invalid } from '../base/errors.ts';

/** Addresses and subnets of both families, as numbers: what allocation and overlap tests count with. */

export type IpFamily = 4 | 6;

export interface IpAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** A network and the length of its prefix in bits. `network` has no bits beyond the prefix. */
export interface Subnet {
  readonly family: IpFamily;
  readonly network: bigint;
  readonly prefixLength: number;
}

/** An address with its subnet: what an interface has. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly subnet: Subnet;
}

const bitsOf = { 4: 32, 6: 128 } as const;

/** Undefined for anything but an address; zones ("%eth0") and leading zeros in IPv4 are none. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) {
    const value = text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    return { family: 4, value };
  }
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = withHexadecimalEnd(text).split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right];
  return { family: 6, value: groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n) };
}

/** "::ffff:1.2.3.4" to "::ffff:102:304". */
function withHexadecimalEnd(text: string): string {
  const colon = text.lastIndexOf(':');
  const end = parseIp4(text.slice(colon + 1));
  if (end === undefined) return text;
  return `${text.slice(0, colon + 1)}${(end >> 16n).toString(16)}:${(end & 0xffffn).toString(16)}`;
}

function parseIp4(text: string): bigint | undefined {
  return isIPv4(text) ? parseIp(text)?.value : undefined;
}

/** IPv6 in the form of RFC 5952: lower case, the longest run of zeros left out. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - 16 * index)) & 0xffffn);
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly bigint[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0n) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}

/** In network order: 4 or 16 bytes. */
export function ipBytes({ family, value }: IpAddress): Uint8Array {
  const size = bitsOf[family] / 8;
  return Uint8Array.from({ length: size }, (_, index) =>
    Number((value >> BigInt(8 * (size - 1 - index))) & 255n),
  );
}

/** Undefined unless there are 4 or 16 bytes. */
export function ipFromBytes(bytes: Uint8Array): IpAddress | undefined {
  if (bytes.length !== 4 && bytes.length !== 16) return undefined;
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

/** "172.17.0.1/16"; undefined for anything else. */
export function parsePrefix(text: string): InterfaceAddress | undefined {
  const slash = text.indexOf('/');
  const address = parseIp(text.slice(0, Math.max(slash, 0)));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  if (Number(length) > bitsOf[address.family]) return undefined;
  return { address, subnet: subnetOf(address, Number(length)) };
}

/** An address with its prefix length; `invalid-argument` for anything else. */
export function parseInterfaceAddress(text: string): InterfaceAddress {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw invalid(`invalid CIDR address: ${text}`);
  return parsed;
}

export function subnetOf({ family, value }: IpAddress, prefixLength: number): Subnet {
  return { family, network: value - (value % sizeOf({ family, prefixLength })), prefixLength };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatIp(firstOf(subnet))}/${subnet.prefixLength}`;
}

/** How many addresses it has, those of the network and of broadcast included. */
export function sizeOf({ family, prefixLength }: Pick<Subnet, 'family' | 'prefixLength'>): bigint {
  return 1n << BigInt(bitsOf[family] - prefixLength);
}

export function firstOf({ family, network }: Subnet): IpAddress {
  return { family, value: network };
}

export function lastOf(subnet: Subnet): IpAddress {
  return { family: subnet.family, value: subnet.network + sizeOf(subnet) - 1n };
}

export function contains(subnet: Subnet, { family, value }: IpAddress): boolean {
  return family === subnet.family && value >= subnet.network && value < subnet.network + sizeOf(subnet);
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return contains(a, firstOf(b)) || contains(b, firstOf(a));
}

export function sameIp(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.value === b.value;
}

/** fe80::/10. */
export function isLinkLocal({ family, value }: IpAddress): boolean {
  return family === 6 && value >> 118n === 0x3fan;
}
