import type { HealthConfig } from '../../oci/image.ts';

/** Histories print values as Go's fmt does. */

/** `%q` of a list: `["a" "b"]`. */
export function quotedList(words: readonly string[]): string {
  return `[${words.map(quoted).join(' ')}]`;
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(/\\u00([0-9a-f]{2})/g, '\\x$1');
}

/** `%q` of a health check. */
export function quotedHealth(health: HealthConfig): string {
  const { Test = [], Interval, Timeout, StartPeriod, StartInterval, Retries = 0 } = health;
  const times = [Interval, Timeout, StartPeriod, StartInterval].map((time = 0) => `"${duration(time)}"`);
  return `&{${[quotedList(Test), ...times, quotedRune(Retries)].join(' ')}}`;
}

/** `%v` of a health check. */
export function plainHealth(health: HealthConfig): string {
  const { Test = [], Interval, Timeout, StartPeriod, StartInterval, Retries = 0 } = health;
  const times = [Interval, Timeout, StartPeriod, StartInterval].map((time = 0) => duration(time));
  return `&{[${Test.join(' ')}] ${times.join(' ')} ${Retries}}`;
}

const runes: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  32: ' ',
  39: "\\'",
  92: '\\\\',
};

/** A number is a character to `%q`. */
function quotedRune(number: number): string {
  const known = runes[number];
  if (known !== undefined) return `'${known}'`;
  const isPrintable = number > 0x20 && number < 0x7f;
  return isPrintable ? `'${String.fromCharCode(number)}'` : `'\\x${number.toString(16).padStart(2, '0')}'`;
}

const smallUnits = [
  ['ms', 1e6],
  ['µs', 1e3],
  ['ns', 1],
] as const;

/** Nanoseconds as "1h0m30s", "1.5s" or "20ms". */
function duration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const small = smallUnits.find(([, size]) => nanoseconds < 1e9 && nanoseconds >= size);
  if (small !== undefined) return `${nanoseconds / small[1]}${small[0]}`;
  const minutes = Math.trunc(nanoseconds / 60e9);
  const seconds = `${(nanoseconds - minutes * 60e9) / 1e9}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.trunc(minutes / 60)}h${minutes % 60}m${seconds}`;
}
