import type { Operation } from '../../plan/operations.ts';
import { messageFlag } from './constants.ts';

/**
 * Netlink messages as data, and their encoding (linux/netlink.h; RFC 3549): a 16-byte header, a family's fixed header,
 * attributes. Integers are in the host's order, which is little-endian on every machine that Bun runs on.
 */
export interface Message {
  readonly type: number;
  /** NLM_F_*; NLM_F_REQUEST is added. */
  readonly flags: number;
  /** The family's fixed header (ifinfomsg, rtmsg, nfgenmsg ...). */
  readonly header: Uint8Array;
  readonly attributes: readonly Attribute[];
}

export type Attribute = readonly [type: number, value: AttributeValue];

/** Bytes as they are, text with its NUL, a 32-bit number, a descriptor of the launcher's table, or attributes inside. */
type AttributeValue = Uint8Array | string | number | DescriptorSlot | readonly Attribute[] | Framed;

/** The launcher replaces it by the descriptor in this slot. */
export interface DescriptorSlot {
  readonly slot: number;
}

/** A fixed header with attributes behind it, as VETH_INFO_PEER holds. */
interface Framed {
  readonly header: Uint8Array;
  readonly attributes: readonly Attribute[];
}

export interface EncodedMessages {
  readonly data: Uint8Array;
  /** Pairs of offset and slot, for the `netlink` operation. */
  readonly patches: readonly number[];
  /** How many acknowledgements (or ends of dumps) the kernel will send. */
  readonly acks: number;
}

const HEADER_SIZE = 16;
const ATTRIBUTE_HEADER_SIZE = 4;
/** NLA_F_NESTED. */
const NESTED_FLAG = 0x8000;

const text = new TextEncoder();

/** All messages in one datagram. Sequence numbers count from 1 in their order. */
export function encodeMessages(messages: readonly Message[]): EncodedMessages {
  const size = messages.reduce((sum, message) => sum + align(messageSize(message)), 0);
  const bytes = new Uint8Array(size);
  const target: Target = { bytes, view: new DataView(bytes.buffer), patches: [] };
  let offset = 0;
  let acks = 0;
  for (const [index, message] of messages.entries()) {
    const end = offset + messageSize(message);
    target.view.setUint32(offset, end - offset, true);
    target.view.setUint16(offset + 4, message.type, true);
    target.view.setUint16(offset + 6, message.flags | messageFlag.request, true);
    target.view.setUint32(offset + 8, index + 1, true);
    writeFramed(target, offset + HEADER_SIZE, message);
    if ((message.flags & (messageFlag.ack | messageFlag.dump)) !== 0) acks += 1;
    offset = align(end);
  }
  return { data: bytes, patches: target.patches, acks };
}

/** The operation that sends `messages` in one datagram; `ignore` lists errnos that count as success. */
export function netlinkOperation(
  protocol: number,
  messages: readonly Message[],
  ignore: readonly number[] = [],
): Operation {
  const { data, patches, acks } = encodeMessages(messages);
  return { op: 'netlink', protocol, data, acks, patches, ignore };
}

interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly patches: number[];
}

function messageSize(message: Message): number {
  return HEADER_SIZE + framedSize(message);
}

function framedSize(framed: Framed): number {
  return align(framed.header.length) + attributesSize(framed.attributes);
}

function attributesSize(attributes: readonly Attribute[]): number {
  let size = 0;
  for (const [, value] of attributes) size += align(ATTRIBUTE_HEADER_SIZE + valueSize(value));
  return size;
}

function valueSize(value: AttributeValue): number {
  if (typeof value === 'number') return 4;
  if (typeof value === 'string') return Buffer.byteLength(value) + 1;
  if (value instanceof Uint8Array) return value.length;
  if ('slot' in value) return 4;
  return 'header' in value ? framedSize(value) : attributesSize(value);
}

function writeFramed(target: Target, offset: number, framed: Framed): void {
  target.bytes.set(framed.header, offset);
  writeAttributes(target, offset + align(framed.header.length), framed.attributes);
}

function writeAttributes(target: Target, start: number, attributes: readonly Attribute[]): void {
  let offset = start;
  for (const [type, value] of attributes) {
    const size = ATTRIBUTE_HEADER_SIZE + valueSize(value);
    target.view.setUint16(offset, size, true);
    target.view.setUint16(offset + 2, Array.isArray(value) ? type | NESTED_FLAG : type, true);
    writeValue(target, offset + ATTRIBUTE_HEADER_SIZE, value);
    offset += align(size);
  }
}

function writeValue(target: Target, offset: number, value: AttributeValue): void {
  if (typeof value === 'number') target.view.setUint32(offset, value, true);
  else if (typeof value === 'string') text.encodeInto(value, target.bytes.subarray(offset));
  else if (value instanceof Uint8Array) target.bytes.set(value, offset);
  else if ('slot' in value) target.patches.push(offset, value.slot);
  else if ('header' in value) writeFramed(target, offset, value);
  else writeAttributes(target, offset, value);
}

/** Messages and attributes begin at multiples of four. */
export function align(size: number): number {
  return (size + 3) & ~3;
}
