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

/** Text or address by its bytes, one character each: comparing such strings compares the bytes. */
type Binary = string;

interface NameEntry {
  readonly key: Binary;
  readonly ipv4: readonly Binary[];
  readonly ipv6: readonly Binary[];
}

interface ReverseEntry {
  readonly key: Binary;
  readonly name: Binary;
}

/**
 * A network's names in the form that supervisors map and look up by halving (docs/supervisor-protocol.md): two sorted tables, and what their
 * entries point to. Names that DNS cannot carry are left out. Fails with RangeError beyond 16 MiB. Written for speed: it happens with every
 * start and end of a container, and there may be thousands of names.
 */
export function encodeNames(table: NamesTable): Uint8Array {
  const addresses = new Map<string, Binary>();
  const names = nameEntries(table.names, addresses);
  const reverse = reverseEntries(table.reverse, addresses);
  const tables = HEADER_SIZE + names.length * NAME_SIZE + reverse.length * ADDRESS_SIZE;
  const size = tables + names.reduce((sum, entry) => sum + dataSize(entry), 0);
  const whole = reverse.reduce((sum, { name }) => sum + name.length, size);
  if (whole > FILE_LIMIT) throw new RangeError(`the names of a network take ${whole} bytes`);
  const file = Buffer.alloc(whole);
  writeHeader(file, names.length, reverse.length);
  const end = writeNames(file, names, tables);
  writeReverse(file, reverse, HEADER_SIZE + names.length * NAME_SIZE, end);
  return file;
}

function writeHeader(file: Buffer, names: number, addresses: number): void {
  file.write('SMPD', 0, 'latin1');
  file.writeUInt32LE(VERSION, 4);
  file.writeUInt32LE(file.length, 8);
  file.writeUInt32LE(names, 12);
  file.writeUInt32LE(addresses, 16);
}

/** Returns where the data that follow go. */
function writeNames(file: Buffer, names: readonly NameEntry[], start: number): number {
  let at = HEADER_SIZE;
  let end = start;
  for (const entry of names) {
    const { key, ipv4, ipv6 } = entry;
    file.writeUInt32LE(end, at);
    file.writeUInt32LE(end + key.length, at + 4);
    file.writeUInt16LE(key.length, at + 8);
    file.writeUInt16LE(ipv4.length, at + 10);
    file.writeUInt16LE(ipv6.length, at + 12);
    file.write(key + ipv4.join('') + ipv6.join(''), end, 'latin1');
    at += NAME_SIZE;
    end += dataSize(entry);
  }
  return end;
}

function writeReverse(file: Buffer, reverse: readonly ReverseEntry[], start: number, data: number): void {
  let at = start;
  let end = data;
  for (const { key, name } of reverse) {
    file.write(key, at, 'latin1');
    file.writeUInt32LE(end, at + 16);
    file.writeUInt16LE(name.length, at + 20);
    file.write(name, end, 'latin1');
    at += ADDRESS_SIZE;
    end += name.length;
  }
}

function dataSize({ key, ipv4, ipv6 }: NameEntry): number {
  return key.length + 4 * ipv4.length + 16 * ipv6.length;
}

function nameEntries(names: Iterable<NetworkName>, addresses: Map<string, Binary>): readonly NameEntry[] {
  const entries: NameEntry[] = [];
  for (const { name, ipv4, ipv6 } of names) {
    const key = binaryOf(name.toLowerCase());
    if (!isCarried(key)) continue;
    entries.push({
      key,
      ipv4: ipv4.slice(0, ADDRESSES_LIMIT).map((address) => binaryAddress(address, addresses).slice(12)),
      ipv6: ipv6.slice(0, ADDRESSES_LIMIT).map((address) => binaryAddress(address, addresses)),
    });
  }
  return entries.sort(byKey);
}

function reverseEntries(
  reverse: NamesTable['reverse'],
  addresses: Map<string, Binary>,
): readonly ReverseEntry[] {
  const entries: ReverseEntry[] = [];
  for (const [address, text] of reverse) {
    const name = binaryOf(text);
    if (isCarried(name)) entries.push({ key: binaryAddress(address, addresses), name });
  }
  return entries.sort(byKey);
}

function byKey({ key: a }: { readonly key: Binary }, { key: b }: { readonly key: Binary }): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `known` holds those that were read before: most addresses have several names. */
function binaryAddress(address: string, known: Map<string, Binary>): Binary {
  let binary = known.get(address);
  if (binary === undefined) {
    binary = Buffer.from(addressBytes(address)).toString('latin1');
    known.set(address, binary);
  }
  return binary;
}

function binaryOf(text: string): Binary {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 127) return false;
  }
  return true;
}

function isCarried(name: Binary): boolean {
  return name.length > 0 && name.length <= NAME_LIMIT;
}
