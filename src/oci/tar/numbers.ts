import { invalid } from '../../base/errors.ts';

/**
 * A numeric header field: octal digits amid spaces and NULs, or GNU's base-256 (first bit set, big-endian two's complement).
 * An empty field is 0. Fails with `invalid-argument` for anything else and beyond 2^53.
 */
export function readNumber(block: Uint8Array, offset: number, length: number, field: string): number {
  const first = block[offset] ?? 0;
  return first & 0x80 ? readBase256(block, offset, length, field) : readOctal(block, offset, length, field);
}

function readOctal(block: Uint8Array, offset: number, length: number, field: string): number {
  let at = offset;
  let end = offset + length;
  while (at < end && isBlank(block[at])) at++;
  while (end > at && isBlank(block[end - 1])) end--;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) throw badNumber(field);
    value = value * 8 + digit;
  }
  return safe(value, field);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

function readBase256(block: Uint8Array, offset: number, length: number, field: string): number {
  const first = block[offset] ?? 0;
  // The top bit marks the form; the next one is the sign.
  let value = BigInt(first & 0x40 ? (first | 0x80) - 0x100 : first & 0x3f);
  for (let at = offset + 1; at < offset + length; at++) value = (value << 8n) | BigInt(block[at] ?? 0);
  return safe(Number(value), field);
}

function safe(value: number, field: string): number {
  if (!Number.isSafeInteger(value)) throw badNumber(field);
  return value;
}

function badNumber(field: string): Error {
  return invalid(`invalid tar header: bad number in field ${field}`);
}

/** A decimal number of at most 2^53, as pax records hold. */
export function parseDecimal(text: string, field: string): number {
  if (!/^-?[0-9]{1,16}$/.test(text)) throw badNumber(field);
  return safe(Number(text), field);
}

/** Octal digits and a NUL, or undefined where the value does not fit. */
export function formatOctal(value: number, length: number): string | undefined {
  if (!Number.isSafeInteger(value) || value < 0) return undefined;
  const digits = value.toString(8);
  return digits.length < length ? `${digits.padStart(length - 1, '0')}\0` : undefined;
}

export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A pax time: decimal seconds, maybe with a fraction, of which nine digits are kept. */
export function parseTime(text: string, field: string): TarTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,64}))?$/.exec(text);
  if (match === null) throw badNumber(field);
  const [, sign, whole = '0', fraction = ''] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign === '') return { seconds, nanoseconds };
  if (nanoseconds === 0) return { seconds: 0 - seconds, nanoseconds };
  return { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** The shortest pax form of a time. */
export function formatTime(time: TarTime): string {
  if (time.nanoseconds === 0) return String(time.seconds);
  const negative = time.seconds < 0;
  const whole = negative ? -time.seconds - 1 : time.seconds;
  const fraction = negative ? 1_000_000_000 - time.nanoseconds : time.nanoseconds;
  const digits = String(fraction).padStart(9, '0').replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}.${digits}`;
}
