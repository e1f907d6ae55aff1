import { invalid } from '../base/errors.ts';
import { findDuration } from '../wire/durations.ts';
import type { Filters } from '../wire/query.ts';
import { singleValue } from './filters/match.ts';

const SECOND = 1_000_000_000n;

/** "1700000000", "1700000000.123456789" or RFC 3339, as nanoseconds since the epoch; undefined for an empty text. */
export function parseTimestamp(text: string, name: string): bigint | undefined {
  if (text === '') return undefined;
  const unix = /^(-?)(\d{1,12})(?:\.(\d{1,18}))?$/.exec(text);
  if (unix !== null) {
    const [, sign, seconds = '0', fraction = ''] = unix;
    const value = BigInt(seconds) * SECOND + BigInt(fraction.padEnd(9, '0').slice(0, 9));
    return sign === '-' ? -value : value;
  }
  const date = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const milliseconds = date === null ? Number.NaN : Date.parse(`${date[1]}${date[3]}`);
  if (Number.isNaN(milliseconds)) {
    throw invalid(`invalid ${name} ${JSON.stringify(text)}: expected a Unix time or an RFC 3339 one`);
  }
  return BigInt(milliseconds) * 1_000_000n + BigInt((date?.[2] ?? '').padEnd(9, '0'));
}

/** Prune's and list's `until`: a time, or how long ago. Milliseconds since the epoch; undefined when absent. */
export function untilFilter(filters: Filters, now: Date): number | undefined {
  const text = singleValue(filters, 'until');
  if (text === undefined) return undefined;
  const ago = text === '0' ? undefined : findDuration(text);
  if (ago !== undefined) return now.getTime() - Number(ago / 1_000_000n);
  return Number((parseTimestamp(text, 'until') ?? 0n) / 1_000_000n);
}
