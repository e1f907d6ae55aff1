import { invalid } from '../../base/errors.ts';
import type { ContextRecord } from '../../build/contract.ts';

const MAX_LINE = 64 << 10;
const MAX_LINES = 1_000_000;
const NEWLINE = 0x0a;

/** What a client says of its context, one JSON list a line (ContextLine). Fails with `invalid-argument`. */
export async function readContextLines(body: AsyncIterable<Uint8Array>): Promise<readonly ContextRecord[]> {
  const records: ContextRecord[] = [];
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    const bytes = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(NEWLINE);
    rest = bytes.subarray(end + 1);
    if (end >= 0) for (const line of bytes.toString('utf8', 0, end).split('\n')) records.push(recordOf(line));
    if (rest.length > MAX_LINE) throw invalid('a line of the context is too long');
    if (records.length > MAX_LINES) throw invalid(`the context has more than ${MAX_LINES} files`);
  }
  if (rest.length > 0) records.push(recordOf(rest.toString()));
  return records;
}

const types = new Set<unknown>(['file', 'directory', 'symlink']);

function recordOf(line: string): ContextRecord {
  const value = parsed(line);
  if (!Array.isArray(value)) throw wrong(line);
  const [type, path, mode, size, seconds, nanoseconds, linkName] = value;
  const numbers = [mode, size, seconds, nanoseconds].every(Number.isSafeInteger);
  const isRecord = types.has(type) && isBytes(path) && isBytes(linkName) && numbers;
  if (!isRecord) throw wrong(line);
  return { type, path, mode, size, seconds, nanoseconds, linkName };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw wrong(line);
  }
}

/** A byte string has one character for each byte. */
function isBytes(value: unknown): value is string {
  return typeof value === 'string' && /^[\x01-\xff]*$/.test(value);
}

function wrong(line: string): Error {
  return invalid(`invalid line of a context: ${JSON.stringify(line.slice(0, 200))}`);
}
