import { invalid } from '../base/errors.ts';

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

/** `1.5kB`: powers of 1000, `digits` significant digits (Docker uses 4, in tables 3). */
export function humanSize(bytes: number, digits = 4): string {
  return scaled(bytes, 1000, decimalUnits, digits);
}

/** `1.5KiB`: powers of 1024. */
export function bytesSize(bytes: number): string {
  return scaled(bytes, 1024, binaryUnits, 4);
}

function scaled(size: number, base: number, units: readonly string[], digits: number): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return significant(value, digits) + units[unit];
}

/** C's `%.*g`. */
export function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const [mantissa = '', exponentText = '0'] = value.toExponential(digits - 1).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= digits) {
    const sign = exponent < 0 ? '-' : '+';
    return `${withoutZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return withoutZeros(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

const POWERS = 'kmgtp';

/** `128m`, `2 GiB`, `1.5g` in bytes, by powers of `base` (1000 for the sizes of logs). Fails with `invalid-argument` in Docker's words. */
export function parseSize(text: string, base: 1000 | 1024 = 1024): number {
  let split = text.length - 1;
  while (split >= 0 && !'0123456789. '.includes(text[split] ?? '')) split--;
  if (split < 0) throw invalid(`invalid size: '${text}'`);
  const number = text.slice(0, text[split] === ' ' ? split : split + 1);
  const suffix = text.slice(split + 1);
  const value = parseFloatStrictly(number);
  if (value < 0) throw invalid(`invalid size: '${text}'`);
  if (suffix === '') return Math.trunc(value);
  const match = /^(?:b|([kmgtp])(?:i?b)?)$/.exec(suffix.toLowerCase());
  if (match === null) {
    throw invalid(`invalid suffix: '${suffix.length > 3 ? suffix : suffix.toLowerCase()}'`);
  }
  const [, unit] = match;
  return Math.trunc(value * base ** (unit === undefined ? 0 : POWERS.indexOf(unit) + 1));
}

function parseFloatStrictly(text: string): number {
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    throw invalid(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}
