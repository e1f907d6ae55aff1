import { findDuration } from '../../wire/durations.ts';

/** Times as Go and Docker's commands write and read them. */

const pad = (value: number, length = 2): string => String(value).padStart(length, '0');

/** Go's `time.Time.String` of whole seconds, in local time: `2024-05-30 12:07:14 +0200 CEST`. */
export function formatLocalTime(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  return `${dateOf(date)} ${clockOf(date)} ${offsetOf(date)} ${zoneName(date)}`;
}

/** RFC 3339 in local time, without fraction: `2024-05-30T12:07:14+02:00`. */
export function formatRfc3339(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1000);
  const offset = offsetOf(date);
  const zone = offset === '+0000' ? 'Z' : `${offset.slice(0, 3)}:${offset.slice(3)}`;
  return `${dateOf(date)}T${clockOf(date)}${zone}`;
}

/** Nanoseconds since the epoch in local time with nine digits: `2024-05-30T12:07:14.000000001+02:00`. */
export function formatRfc3339Nano(nanoseconds: bigint): string {
  const whole = formatRfc3339(Number(nanoseconds / 1_000_000_000n));
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${whole.slice(0, 19)}.${fraction}${whole.slice(19)}`;
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** C's `asctime` of an RFC 3339 time, in its own zone: `Fri May 30 12:07:14 2025`. What is not a time stays as it is. */
export function formatAsctime(text: string): string {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) return text;
  const offset = /([+-])(\d\d):(\d\d)$/.exec(text);
  const minutes =
    offset === null ? 0 : (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3]));
  const date = new Date(milliseconds + minutes * 60_000);
  const day = String(date.getUTCDate()).padStart(2);
  const clock = date.toISOString().slice(11, 19);
  return `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${clock} ${date.getUTCFullYear()}`;
}

function dateOf(date: Date): string {
  return `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

function clockOf(date: Date): string {
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

function offsetOf(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(size / 60))}${pad(size % 60)}`;
}

function zoneName(date: Date): string {
  if (date.getTimezoneOffset() === 0) {
    const zone = process.env.TZ ?? '';
    if (zone === '' || zone === 'UTC' || zone === 'Etc/UTC') return 'UTC';
  }
  for (const locale of ['en-US', 'en-GB']) {
    const part = new Intl.DateTimeFormat(locale, { timeZoneName: 'short' })
      .formatToParts(date)
      .find((one) => one.type === 'timeZoneName');
    if (part !== undefined && !/[+-]/.test(part.value)) return part.value;
  }
  const offset = offsetOf(date);
  return offset.endsWith('00') ? offset.slice(0, 3) : offset;
}

/**
 * `--since` and `--until`: a Go duration before `now`, an RFC 3339 time (also without seconds, or date alone), or seconds since the epoch.
 * The result is what the API takes: seconds, with nanoseconds where there are any.
 */
export function parseTimestamp(text: string, now: number): string {
  if (text === '') return '';
  const duration = text === '0' ? undefined : findDuration(text);
  if (duration !== undefined) {
    const nanoseconds = BigInt(Math.trunc(now)) * 1_000_000n - duration;
    return String(nanoseconds / 1_000_000_000n);
  }
  const match = /^(\d{4}-\d\d-\d\d)(?:T(\d\d(?::\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?$/.exec(
    text,
  );
  if (match !== null) {
    const clock = `${match[2] ?? '00'}:00:00`.slice(0, 8);
    const milliseconds = Date.parse(`${match[1]}T${clock}${match[4] ?? ''}`);
    if (!Number.isNaN(milliseconds)) {
      return `${Math.floor(milliseconds / 1000)}.${(match[3] ?? '').padEnd(9, '0')}`;
    }
  }
  if (text.includes('-')) {
    throw new Error(
      `parsing time ${JSON.stringify(text)} as "2006-01-02": cannot parse ${JSON.stringify(text)} as "2006"`,
    );
  }
  if (!/^\d+(?:\.\d{0,9})?$/.test(text)) {
    throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
  return text;
}

/** Go's `time.Time.String` of an RFC 3339 time, in the zone it was written with. */
export function formatGoTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(Z|([+-]\d\d):(\d\d))$/.exec(text);
  if (match === null) return text;
  const [, date, clock, fraction = '', zone, hours, minutes] = match;
  const digits = fraction.replace(/\.?0+$/, '');
  const offset = zone === 'Z' ? '+0000' : `${hours}${minutes}`;
  return `${date} ${clock}${digits} ${offset} ${offset === '+0000' ? 'UTC' : offset}`;
}
