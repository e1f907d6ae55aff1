import { invalid } from '../base/errors.ts';

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Go's duration syntax (`1h2m3.5s`) in nanoseconds. Fails with `invalid-argument` in Go's words. */
export function parseDuration(text: string): bigint {
  const quoted = JSON.stringify(text);
  const match = /^([+-]?)(.*)$/s.exec(text);
  const digits = match?.[2] ?? '';
  if (digits === '0') return 0n;
  if (digits === '') throw invalid(`time: invalid duration ${quoted}`);
  let rest = digits;
  let total = 0n;
  while (rest !== '') {
    const part = /^(\d*)(?:\.(\d*))?([^\d.]*)/.exec(rest);
    const [whole = '', fraction = '', unit = ''] = [part?.[1], part?.[2], part?.[3]];
    if (part === null || (whole === '' && fraction === '')) throw invalid(`time: invalid duration ${quoted}`);
    if (unit === '') throw invalid(`time: missing unit in duration ${quoted}`);
    const scale = units[unit];
    if (scale === undefined)
      throw invalid(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    const precise = fraction.slice(0, 12);
    total += BigInt(whole || '0') * scale + (BigInt(precise || '0') * scale) / 10n ** BigInt(precise.length);
    rest = rest.slice(part[0].length);
  }
  if (total > 2n ** 63n - 1n) throw invalid(`time: invalid duration ${quoted}`);
  return match?.[1] === '-' ? -total : total;
}

/** The same, or undefined for what is no duration. */
export function findDuration(text: string): bigint | undefined {
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}

/** How long something took or is ago, in Docker's words: "About a minute", "3 hours". */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(milliseconds / 60_000);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 14) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 60) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(Math.trunc(milliseconds / 3_600_000) / 24 / 365)} years`;
}
