/** Now, in nanoseconds since the epoch, with what sub-millisecond precision there is. */
export function nowNano(): bigint {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return BigInt(microseconds) * 1000n;
}
