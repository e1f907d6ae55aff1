import { invalid } from '../../base/errors.ts';

/** How a field's value is written (protobuf's encoding, "wire types"). */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const MAX_VARINT_BYTES = 10;

/** Reads the parts of a message. Fails with `invalid-argument` where the bytes are none. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  tag(): { readonly number: number; readonly type: number } {
    const tag = Number(this.varint());
    return { number: Math.floor(tag / 8), type: tag % 8 };
  }

  varint(): bigint {
    let low = 0;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.#byte();
      // Nearly all numbers are small: four bytes need no bigint.
      if (count < 4) low += (byte & 0x7f) * 2 ** (7 * count);
      else return this.#longVarint(BigInt(low), byte, count);
      if (byte < 0x80) return BigInt(low);
    }
    throw malformed();
  }

  bytes(): Buffer {
    const length = Number(this.varint());
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed();
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  skip(type: number): void {
    if (type === wireType.varint) this.varint();
    else if (type === wireType.bytes) this.bytes();
    else if (type === wireType.fixed64) this.#skip(8);
    else if (type === wireType.fixed32) this.#skip(4);
    else throw malformed();
  }

  #longVarint(start: bigint, first: number, from: number): bigint {
    let value = start;
    let byte = first;
    for (let count = from; count < MAX_VARINT_BYTES; count++) {
      value |= BigInt(byte & 0x7f) << BigInt(7 * count);
      if (byte < 0x80) return BigInt.asUintN(64, value);
      byte = this.#byte();
    }
    throw malformed();
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw malformed();
    return byte;
  }

  #skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) throw malformed();
  }
}

/** Gathers the parts of a message. */
export class WireWriter {
  readonly #parts: Uint8Array[] = [];

  tag(number: number, type: number): void {
    this.varint(number * 8 + type);
  }

  /** A negative number is written as 64 bits of two's complement. */
  varint(value: number | bigint): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.#parts.push(Uint8Array.from(bytes));
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#parts.push(value);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

export function malformed(): Error {
  return invalid('malformed protobuf message');
}
