import type { Connection } from './connection.ts';
import { ProtocolError } from './errors.ts';

/** HTTP/1.1 as RFC 9112 has it, as far as one client needs it. */

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case; of repeated fields the last one. */
  readonly headers: ReadonlyMap<string, string>;
}

const MAX_HEAD_BYTES = 256 * 1024;
const MAX_CHUNK_LINE = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

export function encodeHead(
  method: string,
  target: string,
  headers: readonly (readonly [string, string])[],
): Uint8Array {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  if (/[\r\n]/.test(method + target) || headers.some(([name, value]) => /[\r\n]/.test(name + value))) {
    throw new ProtocolError('a request line or header holds a line break');
  }
  return encoder.encode(`${method} ${target} HTTP/1.1\r\n${lines}\r\n`);
}

/** Reads a response head, passing over 100 Continue. null: the peer closed without a byte, as it may on a reused connection. */
export async function readHead(connection: Connection): Promise<ResponseHead | null> {
  for (;;) {
    const text = await readHeadText(connection);
    if (text === null) return null;
    const head = parseHead(text);
    if (head.status !== 100) return head;
  }
}

async function readHeadText(connection: Connection): Promise<string | null> {
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await connection.read();
    if (chunk === null) {
      if (bytes.length === 0) return null;
      throw new ProtocolError('the connection closed inside a response head');
    }
    bytes = bytes.length === 0 ? chunk : concat(bytes, chunk);
    const end = indexOfBlankLine(bytes);
    if (end >= 0) {
      connection.unread(bytes.subarray(end + 4));
      return decoder.decode(bytes.subarray(0, end));
    }
    if (bytes.length > MAX_HEAD_BYTES) throw new ProtocolError('the response head is too large');
  }
}

function indexOfBlankLine(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function parseHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine);
  if (match === null) throw new ProtocolError(`not an HTTP response: ${statusLine.slice(0, 80)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new ProtocolError(`malformed header: ${line.slice(0, 80)}`);
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), headers };
}

/**
 * The body's bytes as they arrive. `finished` is told once whether the connection is at the start of the next response, also when
 * the reader leaves early.
 */
export async function* readBody(
  connection: Connection,
  head: ResponseHead,
  method: string,
  finished: (reusable: boolean) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let reusable = false;
  try {
    if (method === 'HEAD' || head.status === 204 || head.status === 304) {
      reusable = true;
    } else if (head.headers.get('transfer-encoding')?.toLowerCase() === 'chunked') {
      yield* readChunked(connection);
      reusable = true;
    } else if (head.headers.has('content-length')) {
      yield* readExactly(connection, contentLength(head));
      reusable = true;
    } else {
      for (let chunk = await connection.read(); chunk !== null; chunk = await connection.read()) yield chunk;
    }
  } finally {
    finished(reusable && head.headers.get('connection')?.toLowerCase() !== 'close');
  }
}

function contentLength(head: ResponseHead): number {
  const text = head.headers.get('content-length') ?? '';
  if (!/^\d{1,15}$/.test(text)) throw new ProtocolError(`malformed Content-Length: ${text.slice(0, 40)}`);
  return Number(text);
}

async function* readExactly(connection: Connection, length: number): AsyncGenerator<Uint8Array> {
  let missing = length;
  while (missing > 0) {
    const chunk = await connection.read();
    if (chunk === null) throw new ProtocolError('unexpected EOF');
    if (chunk.length > missing) {
      connection.unread(chunk.subarray(missing));
      yield chunk.subarray(0, missing);
      return;
    }
    missing -= chunk.length;
    yield chunk;
  }
}

async function* readChunked(connection: Connection): AsyncGenerator<Uint8Array> {
  for (;;) {
    const size = await readChunkSize(connection);
    if (size === 0) break;
    yield* readExactly(connection, size);
    if ((await readLine(connection)) !== '') throw new ProtocolError('malformed chunk end');
  }
  while ((await readLine(connection)) !== '') {
    // Trailers say nothing to this client.
  }
}

async function readChunkSize(connection: Connection): Promise<number> {
  const [size = ''] = (await readLine(connection)).split(';', 1);
  if (!/^[0-9a-fA-F]{1,13}$/.test(size.trim())) throw new ProtocolError('malformed chunk size');
  return Number.parseInt(size, 16);
}

async function readLine(connection: Connection): Promise<string> {
  let bytes: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await connection.read();
    if (chunk === null) throw new ProtocolError('unexpected EOF');
    bytes = bytes.length === 0 ? chunk : concat(bytes, chunk);
    const end = bytes.indexOf(10);
    if (end >= 0) {
      connection.unread(bytes.subarray(end + 1));
      return decoder.decode(bytes.subarray(0, end)).replace(/\r$/, '');
    }
    if (bytes.length > MAX_CHUNK_LINE) throw new ProtocolError('a chunk line is too long');
  }
}

/** One chunk of a request body of unknown length; no bytes mean the end. */
export function encodeChunk(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return encoder.encode('0\r\n\r\n');
  return concat(encoder.encode(`${bytes.length.toString(16)}\r\n`), bytes, encoder.encode('\r\n'));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
