/** Go's zero time, which stands for "never". */
export const ZERO_TIME = '0001-01-01T00:00:00Z';

/** RFC 3339 with as many digits of the second as it takes, at most nine: Go's RFC3339Nano, in UTC. */
export function formatTime(date: Date): string {
  return trimFraction(date.toISOString());
}

/** The same of nanoseconds since the epoch. */
export function formatNanoseconds(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = (nanoseconds % 1_000_000_000n).toString().padStart(9, '0');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, -'.000Z'.length);
  return trimFraction(`${whole}.${fraction}Z`);
}

function trimFraction(text: string): string {
  return text.replace(/\.?0*Z$/, 'Z');
}

/** 0 where there is no time. */
export function unixSeconds(date: Date | undefined): number {
  return date === undefined ? 0 : Math.floor(date.getTime() / 1000);
}
