/** A line of a json-file log: what a process wrote, at most 16 KiB of it at a time. */
export interface LogRecord {
  readonly text: string;
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 in UTC with nine digits of fraction, so that text order is time order. */
  readonly time: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Undefined for a line that is no record: a crash may have cut it off. */
export function parseRecord(line: string): LogRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { log, stream, time, attrs }: { log?: unknown; stream?: unknown; time?: unknown; attrs?: unknown } =
    value;
  if (typeof log !== 'string' || typeof time !== 'string') return undefined;
  const fixed = fixedTime(time);
  if (fixed === undefined) return undefined;
  return {
    text: log,
    stream: stream === 'stderr' ? 'stderr' : 'stdout',
    time: fixed,
    attributes: typeof attrs === 'object' && attrs !== null ? stringsOf(attrs) : {},
  };
}

function stringsOf(value: object): Record<string, string> {
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, String(entry)]));
}

/** "…:05.1Z" to "…:05.100000000Z"; undefined for a time that is not UTC. */
function fixedTime(time: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(time);
  if (match === null) return undefined;
  return `${match[1]}.${(match[2] ?? '').padEnd(9, '0')}Z`;
}

const LAST_NANO = 253_402_300_799_999_999_999n;

/** Nanoseconds since the epoch in the form of LogRecord.time, up to the year 9999. */
export function timeOfNano(nano: bigint): string {
  const bounded = nano < 0n ? 0n : nano > LAST_NANO ? LAST_NANO : nano;
  const seconds = bounded / 1_000_000_000n;
  const fraction = bounded % 1_000_000_000n;
  const head = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${head}.${String(fraction).padStart(9, '0')}Z`;
}
