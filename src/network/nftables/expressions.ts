import type { Attribute } from '../netlink/message.ts';
import {
  ADDRESS_TYPE_LOCAL,
  FIRST_REGISTER,
  family,
  INTERFACE_NAME_SIZE,
  metaKey,
  payloadBase,
  trackingKey,
  VERDICT_REGISTER,
  verdicts,
} from './constants.ts';

/**
 * Expressions of rules: what a rule computes, step by step, over the kernel's registers. A comparison that fails ends the
 * rule. Attribute numbers are those of the NFTA_* enumeration of the expression. `register` counts four-byte registers from 0. Numbers of expressions are in network order, unlike the rest of netlink.
 */
export type Expression = Attribute;

const expressionAttribute = { name: 1, data: 2 } as const;
const LIST_ELEMENT = 1;

function expression(name: string, attributes: readonly Attribute[]): Expression {
  return [
    LIST_ELEMENT,
    [
      [expressionAttribute.name, name],
      [expressionAttribute.data, attributes],
    ],
  ];
}

export function bigEndian32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value | 0);
  return bytes;
}

export function bigEndian16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 255);
}

/** As the kernel holds it in a register. */
function native32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** The name padded to the length that comparisons use. */
export function interfaceName(name: string): Uint8Array {
  const bytes = new Uint8Array(INTERFACE_NAME_SIZE);
  new TextEncoder().encodeInto(name, bytes.subarray(0, INTERFACE_NAME_SIZE - 1));
  return bytes;
}

const register = (index: number): Uint8Array => bigEndian32(FIRST_REGISTER + index);

/** NFTA_DATA_VALUE. */
const value = (bytes: Uint8Array): readonly Attribute[] => [[1, bytes]];

export function meta(key: number, into = 0): Expression {
  return expression('meta', [
    [2, bigEndian32(key)],
    [1, register(into)],
  ]);
}

/** Gives the packet a mark, through register 0. */
export function setMark(mark: number): readonly Expression[] {
  return [
    load(native32(mark)),
    expression('meta', [
      [2, bigEndian32(metaKey.mark)],
      [3, register(0)],
    ]),
  ];
}

/** Goes on if the packet has this mark. */
export function marked(mark: number): readonly Expression[] {
  return [meta(metaKey.mark), equal(native32(mark))];
}

/** Goes on if the interface of this side is in a group: as `nft` says it, or as iptables does, which cannot read the former. */
export function inGroup(
  side: 'input' | 'output',
  group: number,
  { legible }: { readonly legible: 'nft' | 'iptables' },
): readonly Expression[] {
  if (legible === 'nft') {
    return [meta(side === 'input' ? metaKey.inputGroup : metaKey.outputGroup), equal(native32(group))];
  }
  // struct xt_devgroup_info: XT_DEVGROUP_MATCH_SRC or _DST, group and mask of the source, of the destination; padded to eight bytes.
  const all = 0xffffffff;
  const words = side === 'input' ? [1, group, all, 0, 0, 0] : [4, 0, 0, group, all, 0];
  return [
    expression('match', [
      [1, 'devgroup'],
      [2, bigEndian32(0)],
      [3, Buffer.concat(words.map(native32))],
    ]),
  ];
}

/** Goes on if the packet goes out of this interface. */
export function outOf(name: string): readonly Expression[] {
  return [meta(metaKey.outputName), equal(interfaceName(name))];
}

/** What `iptables` has in each rule. */
export const counter: Expression = expression('counter', []);

/** Sends a copy of the packet out of the interface with this index, as if `gateway` were the way. In tables of IPv4 or IPv6 alone. */
export function duplicate(gateway: Uint8Array, index: number): readonly Expression[] {
  const device = gateway.length / 4;
  return [
    load(gateway),
    load(native32(index), device),
    expression('dup', [
      [1, register(0)],
      [2, register(device)],
    ]),
  ];
}

function payload(base: number, offset: number, length: number, into = 0): Expression {
  return expression('payload', [
    [1, register(into)],
    [2, bigEndian32(base)],
    [3, bigEndian32(offset)],
    [4, bigEndian32(length)],
  ]);
}

export function equal(bytes: Uint8Array): Expression {
  return compare(0, bytes);
}

export function notEqual(bytes: Uint8Array): Expression {
  return compare(1, bytes);
}

function compare(operator: number, bytes: Uint8Array): Expression {
  return expression('cmp', [
    [1, register(0)],
    [2, bigEndian32(operator)],
    [3, value(bytes)],
  ]);
}

/** Goes on if register 0 is in the set, or with `absent` if it is not. */
export function inSet(set: string, { absent = false } = {}): Expression {
  return expression('lookup', [
    [2, register(0)],
    [1, set],
    ...(absent ? ([[5, bigEndian32(1)]] as const) : []),
  ]);
}

/** Replaces the key at register 0 by what the map holds for it; ends the rule if it holds nothing. */
export function mapValue(map: string): Expression {
  return expression('lookup', [
    [2, register(0)],
    [1, map],
    [3, register(0)],
  ]);
}

/** Does what the verdict map says for the key at register 0. */
export function mapVerdict(map: string): Expression {
  return expression('lookup', [
    [2, register(0)],
    [1, map],
    [3, bigEndian32(VERDICT_REGISTER)],
  ]);
}

/** Goes on if any of `bits` is set in connection tracking's `key`. */
function tracked(key: number, bits: number): readonly Expression[] {
  return [
    expression('ct', [
      [2, bigEndian32(key)],
      [1, register(0)],
    ]),
    expression('bitwise', [
      [1, register(0)],
      [2, register(0)],
      [3, bigEndian32(4)],
      [4, value(native32(bits))],
      [5, value(native32(0))],
    ]),
    notEqual(native32(0)),
  ];
}

/** Goes on if the connection's state is one of `bits`. */
export function trackedState(bits: number): readonly Expression[] {
  return tracked(trackingKey.state, bits);
}

export function trackedStatus(bits: number): readonly Expression[] {
  return tracked(trackingKey.status, bits);
}

/** Goes on if the packet is addressed to this host. */
export function toLocalAddress(): readonly Expression[] {
  return [
    expression('fib', [
      [1, register(0)],
      [2, bigEndian32(3)],
      [3, bigEndian32(2)],
    ]),
    equal(native32(ADDRESS_TYPE_LOCAL)),
  ];
}

/** The IPv4 destination address, or its first `length` bytes. */
export function destinationAddress(length = 4, into = 0): Expression {
  return payload(payloadBase.network, 16, length, into);
}

/** The IPv6 destination address: four registers. */
export function destinationAddress6(into = 0): Expression {
  return payload(payloadBase.network, 24, 16, into);
}

/** The destination port of TCP, UDP and SCTP alike. */
export function destinationPort(into = 0): Expression {
  return payload(payloadBase.transport, 2, 2, into);
}

/** The IPv4 source address. */
export function sourceAddress(): Expression {
  return payload(payloadBase.network, 12, 4);
}

/** So many bytes from the beginning of the IPv6 source address. */
export function sourcePrefix6(length: number): Expression {
  return payload(payloadBase.network, 8, length);
}

export function sourcePort(): Expression {
  return payload(payloadBase.transport, 0, 2);
}

/** Puts a value into a register. */
export function load(bytes: Uint8Array, into = 0): Expression {
  return expression('immediate', [
    [1, register(into)],
    [2, value(bytes)],
  ]);
}

/** Replaces a port of the packet by the one at register 0; `checksumOffset` is where the protocol's header has its checksum. */
export function writePort(which: 'source' | 'destination', checksumOffset: number): Expression {
  return expression('payload', [
    [5, register(0)],
    [2, bigEndian32(payloadBase.transport)],
    [3, bigEndian32(which === 'source' ? 0 : 2)],
    [4, bigEndian32(2)],
    [6, bigEndian32(1)],
    [7, bigEndian32(checksumOffset)],
  ]);
}

/** Redirects to the address at register 0 and the port at the register behind it. */
export function destinationNat(ofFamily: 4 | 6): Expression {
  return expression('nat', [
    [1, bigEndian32(1)],
    [2, bigEndian32(ofFamily === 4 ? family.ipv4 : family.ipv6)],
    [3, register(0)],
    [5, register(ofFamily === 4 ? 1 : 4)],
  ]);
}

export function masquerade(): Expression {
  return expression('masq', []);
}

/** NFTA_VERDICT_*: what to do with the packet. */
export function verdictData(code: number, chain?: string): readonly Attribute[] {
  const verdict: Attribute[] = [[1, bigEndian32(code)]];
  if (chain !== undefined) verdict.push([2, chain]);
  return [[2, verdict]];
}

function verdict(code: number, chain?: string): Expression {
  return expression('immediate', [
    [1, bigEndian32(VERDICT_REGISTER)],
    [2, verdictData(code, chain)],
  ]);
}

/** Keeps the packet from connection tracking. */
export const untracked: Expression = expression('notrack', []);
export const drop: Expression = verdict(verdicts.drop);
export const accept: Expression = verdict(verdicts.accept);
export const jump = (chain: string): Expression => verdict(verdicts.jump, chain);
