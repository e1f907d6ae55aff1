import { STATUS_CODES } from 'node:http';
import type { Connection } from './connection.ts';

export type HeaderList = Readonly<Record<string, string>>;

/** The answer to one request: whole (`send`), in parts (`start`, `write`, `end`), or as a stream in both directions (`hijack`). */
export class Response {
  readonly #connection: Connection;
  readonly #withoutBody: boolean;
  readonly #chunked: boolean;
  readonly #headers: Record<string, string>;
  #state: 'new' | 'started' | 'finished' | 'hijacked' = 'new';
  /** Whether the connection serves another request after this one. */
  keepAlive: boolean;
  /** Status sent, 0 before. */
  status = 0;

  constructor(
    connection: Connection,
    options: {
      readonly withoutBody: boolean;
      /** False for HTTP/1.0, which ends a body by closing. */
      readonly chunked: boolean;
      readonly keepAlive: boolean;
      readonly headers: HeaderList;
    },
  ) {
    this.#connection = connection;
    this.#withoutBody = options.withoutBody;
    this.#chunked = options.chunked;
    this.keepAlive = options.keepAlive;
    this.#headers = { ...options.headers };
  }

  get started(): boolean {
    return this.#state !== 'new';
  }

  get hijacked(): boolean {
    return this.#state === 'hijacked';
  }

  header(name: string, value: string): void {
    this.#headers[name] = value;
  }

  /** Head and body in one write. */
  send(status: number, body = '', contentType?: string): Promise<void> | undefined {
    if (contentType !== undefined) this.header('Content-Type', contentType);
    const bodiless = status === 204 || status === 304;
    if (!bodiless) this.header('Content-Length', String(Buffer.byteLength(body)));
    this.#state = 'finished';
    const head = this.#head(status);
    return this.#connection.write(Buffer.from(this.#withoutBody || bodiless ? head : head + body));
  }

  json(status: number, value: unknown): Promise<void> | undefined {
    return this.send(status, `${JSON.stringify(value)}\n`, 'application/json');
  }

  /** Sends the head at once. */
  start(status: number, contentType: string): Promise<void> | undefined {
    this.header('Content-Type', contentType);
    if (this.#chunked) this.header('Transfer-Encoding', 'chunked');
    else this.keepAlive = false;
    this.#state = 'started';
    return this.#connection.write(Buffer.from(this.#head(status)));
  }

  /** A part of the body; awaiting what it returns is the back-pressure. */
  write(part: Uint8Array | string): Promise<void> | undefined {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    if (bytes.length === 0 || this.#withoutBody) return undefined;
    if (!this.#chunked) return this.#connection.write(bytes);
    return this.#connection.write(
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, lineEnd]),
    );
  }

  end(): Promise<void> | undefined {
    if (this.#state !== 'started') return undefined;
    this.#state = 'finished';
    return this.#chunked && !this.#withoutBody ? this.#connection.write(lastChunk) : undefined;
  }

  /**
   * Writes a head with exactly these headers, and hands the connection over: from here on it is a stream of bytes. With an upgrade the
   * status is 101, in the words that Docker's clients expect; else 200.
   */
  hijack(headers: HeaderList, upgrade: string | undefined): Connection {
    const lines = upgrade === undefined ? headers : { ...headers, Connection: 'Upgrade', Upgrade: upgrade };
    this.#state = 'hijacked';
    this.#connection.onLeave(undefined);
    this.status = upgrade === undefined ? 200 : 101;
    const first = upgrade === undefined ? 'HTTP/1.1 200 OK' : 'HTTP/1.1 101 UPGRADED';
    // A client that has left by now is noticed by whoever reads the connection.
    this.#connection.write(Buffer.from(`${first}\r\n${headerLines(lines)}\r\n`))?.catch(() => {});
    return this.#connection;
  }

  #head(status: number): string {
    this.status = status;
    this.#headers['Date'] = httpDate();
    if (!this.keepAlive) this.#headers['Connection'] = 'close';
    return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${headerLines(this.#headers)}\r\n`;
  }
}

const lineEnd = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

function headerLines(headers: HeaderList): string {
  let lines = '';
  // A value can hold what a client sent (a path's statistics, a name), so it may not break the line.
  for (const name in headers) lines += `${name}: ${headers[name]?.replace(/[\r\n]/g, ' ')}\r\n`;
  return lines;
}

let dateSecond = 0;
let dateText = '';

function httpDate(): string {
  const second = Math.trunc(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1000).toUTCString();
  }
  return dateText;
}
