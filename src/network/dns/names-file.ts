import { addressBytes } from './address-bytes.ts';

/** A name of a network with the addresses behind it, which are asked for in this order at first. */
export interface NetworkName {
  readonly name: string;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** What the members of a network may ask each other by. */
export interface NamesTable {
  /** Case does not matter, and a name comes once. */
  readonly names: Iterable<NetworkName>;
  /** Address -> the name that it is called by. */
  readonly reverse: Iterable<readonly [address: string, name: string]>;
}

const HEADER_SIZE = 24;
const NAME_SIZE = 16;
const ADDRESS_SIZE = 24;
const VERSION = 1;
/** What the launcher maps. */
const FILE_LIMIT = 16 << 20;
/** Longest name of DNS as text. */
const NAME_LIMIT = 253;
const ADDRESSES_LIMIT = 0xffff;

interface EncodedName {
  readonly key: Buffer;
  readonly counts: readonly [ipv4: number, ipv6: number];
  readonly addresses: Uint8Array;
}

/**
 * A network's names in the form that supervisors map and look up by halving (docs/supervisor-protocol.md): two sorted tables, and what their
 * entries point to. Names that DNS cannot carry are left out. Fails with RangeError beyond 16 MiB.
 */
export function encodeNames(table: NamesTable): Uint8Array {
  const names = encodedNames(table.names);
  const reverse = encodedReverse(table.reverse);
  const tables = HEADER_SIZE + names.length * NAME_SIZE + reverse.length * ADDRESS_SIZE;
  const data: Uint8Array[] = [];
  let end = tables;
  const place = (bytes: Uint8Array): number => {
    data.push(bytes);
    end += bytes.length;
    return end - bytes.length;
  };
  const head = Buffer.alloc(tables);
  for (const [index, { key, counts, addresses }] of names.entries()) {
    const at = HEADER_SIZE + index * NAME_SIZE;
    head.writeUInt32LE(place(key), at);
    head.writeUInt32LE(place(addresses), at + 4);
    head.writeUInt16LE(key.length, at + 8);
    head.writeUInt16LE(counts[0], at + 10);
    head.writeUInt16LE(counts[1], at + 12);
  }
  for (const [index, { key, name }] of reverse.entries()) {
    const at = HEADER_SIZE + names.length * NAME_SIZE + index * ADDRESS_SIZE;
    head.set(key, at);
    head.writeUInt32LE(place(name), at + 16);
    head.writeUInt16LE(name.length, at + 20);
  }
  if (end > FILE_LIMIT) throw new RangeError(`the names of a network take ${end} bytes`);
  writeHeader(head, end, names.length, reverse.length);
  return Buffer.concat([head, ...data]);
}

function writeHeader(head: Buffer, size: number, names: number, addresses: number): void {
  head.write('SMPD', 'latin1');
  head.writeUInt32LE(VERSION, 4);
  head.writeUInt32LE(size, 8);
  head.writeUInt32LE(names, 12);
  head.writeUInt32LE(addresses, 16);
}

function encodedNames(names: Iterable<NetworkName>): readonly EncodedName[] {
  const encoded: EncodedName[] = [];
  for (const { name, ipv4, ipv6 } of names) {
    const key = Buffer.from(name.toLowerCase());
    if (!isCarried(key)) continue;
    const four = ipv4.slice(0, ADDRESSES_LIMIT).map((address) => addressBytes(address).subarray(12));
    const six = ipv6.slice(0, ADDRESSES_LIMIT).map(addressBytes);
    encoded.push({ key, counts: [four.length, six.length], addresses: Buffer.concat([...four, ...six]) });
  }
  return encoded.sort((a, b) => a.key.compare(b.key));
}

function encodedReverse(reverse: NamesTable['reverse']): readonly { key: Uint8Array; name: Buffer }[] {
  const encoded: { key: Uint8Array; name: Buffer }[] = [];
  for (const [address, name] of reverse) {
    const bytes = Buffer.from(name);
    if (isCarried(bytes)) encoded.push({ key: addressBytes(address), name: bytes });
  }
  return encoded.sort((a, b) => Buffer.compare(a.key, b.key));
}

function isCarried(name: Buffer): boolean {
  return name.length > 0 && name.length <= NAME_LIMIT;
}
