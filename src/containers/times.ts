/** Inspect's "never". */
export const zeroTime = '0001-01-01T00:00:00Z';

/** RFC 3339 without trailing zeros in the fraction, as Go prints times in JSON. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.?0+Z$/, 'Z');
}

/** Now, in nanoseconds since the epoch, with what sub-millisecond precision there is. */
export function nowNano(): bigint {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return BigInt(microseconds) * 1000n;
}
