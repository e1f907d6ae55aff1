import { align } from './message.ts';

/** A message as it came: its type, and what follows the 16-byte header. */
export interface ReceivedMessage {
  readonly type: number;
  readonly payload: Uint8Array;
}

export type ReceivedAttributes = ReadonlyMap<number, Uint8Array>;

/** The messages in a run of bytes; one that is cut off ends it. */
export function* readMessages(bytes: Uint8Array): Generator<ReceivedMessage> {
  let offset = 0;
  while (offset + 16 <= bytes.length) {
    const size = u32(bytes, offset);
    if (size < 16 || offset + size > bytes.length) return;
    yield { type: u16(bytes, offset + 4), payload: bytes.subarray(offset + 16, offset + size) };
    offset += align(size);
  }
}

/** The attributes behind a family's fixed header, flags of their types removed; of equal types the last counts. */
export function readAttributes(payload: Uint8Array, headerSize: number): ReceivedAttributes {
  return new Map(readAttributeList(payload, headerSize));
}

/** All of them, in their order. */
export function readAttributeList(
  payload: Uint8Array,
  headerSize = 0,
): readonly (readonly [number, Uint8Array])[] {
  const attributes: [number, Uint8Array][] = [];
  let offset = align(headerSize);
  while (offset + 4 <= payload.length) {
    const size = u16(payload, offset);
    if (size < 4 || offset + size > payload.length) break;
    attributes.push([u16(payload, offset + 2) & 0x3fff, payload.subarray(offset + 4, offset + size)]);
    offset += align(size);
  }
  return attributes;
}

export function readText(value: Uint8Array): string {
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

function u16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

export function u32(bytes: Uint8Array, offset: number): number {
  return (u16(bytes, offset) | (u16(bytes, offset + 2) << 16)) >>> 0;
}
