/** The head of an HTTP/1.x request (RFC 9112, sections 2 to 5), from bytes that nobody vouches for. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly minorVersion: 0 | 1;
  /** By lower-case name; repeated ones joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

/** A request that cannot be understood: it is answered with `status`, and the connection is closed. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Request line and headers together. The classic builder puts its arguments into the query, so it is large. */
export const MAX_HEAD_BYTES = 256 * 1024;
const MAX_HEADERS = 256;

const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const forbiddenInValue = /[\x00\r\n]/;

/** Parses a head without its final empty line. Throws HttpError. */
export function parseHead(text: string): RequestHead {
  const lineEnd = text.indexOf('\r\n');
  const match = requestLine.exec(lineEnd === -1 ? text : text.slice(0, lineEnd));
  if (match === null) throw new HttpError(400, 'malformed HTTP request');
  const [, method = '', target = '', major, minor] = match;
  if (major !== '1' || (minor !== '0' && minor !== '1')) {
    throw new HttpError(505, `unsupported HTTP version ${major}.${minor}`);
  }
  const headers = lineEnd === -1 ? new Map<string, string>() : parseHeaders(text, lineEnd + 2);
  return { method, target: originForm(method, target), minorVersion: minor === '1' ? 1 : 0, headers };
}

function parseHeaders(text: string, start: number): Map<string, string> {
  const headers = new Map<string, string>();
  let count = 0;
  for (let position = start; position < text.length; ) {
    const next = text.indexOf('\r\n', position);
    const end = next === -1 ? text.length : next;
    if (++count > MAX_HEADERS) throw new HttpError(431, `more than ${MAX_HEADERS} header fields`);
    addHeader(headers, text.slice(position, end));
    position = end + 2;
  }
  return headers;
}

function addHeader(headers: Map<string, string>, line: string): void {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  if (!headerName.test(name)) throw new HttpError(400, 'malformed HTTP header');
  const value = line.slice(colon + 1).trim();
  if (forbiddenInValue.test(value)) throw new HttpError(400, `malformed value of HTTP header ${name}`);
  const key = name.toLowerCase();
  const present = headers.get(key);
  if (present === undefined) headers.set(key, value);
  // Two lengths, even equal ones, are how requests are smuggled (RFC 9112, section 11.2).
  else if (key === 'content-length' || key === 'transfer-encoding') {
    throw new HttpError(400, `repeated HTTP header ${name}`);
  } else headers.set(key, `${present}, ${value}`);
}

function originForm(method: string, target: string): string {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(target);
  if (absolute !== null) return absolute[1]?.startsWith('/') ? absolute[1] : `/${absolute[1] ?? ''}`;
  if (method === 'OPTIONS' && target === '*') return '/';
  throw new HttpError(400, 'malformed request target');
}

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' };

/** How the body's end is told (RFC 9112, section 6.3). Throws HttpError on anything ambiguous. */
export function framingOf(head: RequestHead): BodyFraming {
  const encoding = head.headers.get('transfer-encoding');
  const length = head.headers.get('content-length');
  if (encoding !== undefined) {
    if (length !== undefined)
      throw new HttpError(400, 'both Content-Length and Transfer-Encoding were given');
    if (encoding.toLowerCase() !== 'chunked') throw new HttpError(501, 'unsupported transfer encoding');
    return { kind: 'chunked' };
  }
  if (length === undefined) return { kind: 'none' };
  if (!/^\d{1,15}$/.test(length)) throw new HttpError(400, 'bad Content-Length');
  return length === '0' ? { kind: 'none' } : { kind: 'length', length: Number(length) };
}

/** Whether a comma-separated header (Connection, Upgrade) names `token`, whatever its case. */
export function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined) return false;
  return value.split(',').some((part) => part.trim().toLowerCase() === token);
}
