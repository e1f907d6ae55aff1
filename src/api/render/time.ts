/** Go's zero time, which stands for "never". */
export const zeroTime = '0001-01-01T00:00:00Z';

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

export function unixSeconds(date: Date | undefined): number {
  return date === undefined ? 0 : Math.floor(date.getTime() / 1000);
}

/** How long something took or is ago, in words: "About a minute", "3 hours". */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  return humanHours(milliseconds / 3_600_000);
}

function humanHours(exact: number): string {
  const hours = Math.trunc(exact + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(exact / 24 / 365)} years`;
}
