import { RequestBody } from './body.ts';
import { type Connection, ConnectionClosed } from './connection.ts';
import { framingOf, HttpError, hasToken, MAX_HEAD_BYTES, parseHead, type RequestHead } from './head.ts';
import { Response } from './response.ts';

/** One request, with its body yet to be read. */
export interface Request extends RequestHead {
  readonly body: RequestBody;
  /** Aborts when the client ends its stream or goes away while it is being answered. */
  readonly signal: AbortSignal;
}

export interface SessionOptions {
  /** Answers one request; what it throws ends the connection. */
  readonly handle: (request: Request, response: Response) => Promise<void>;
  /** Answers what could not be parsed. */
  readonly refuse: (error: HttpError, response: Response) => void;
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Longest time between the first and last byte of a head. */
  readonly headTimeout: number;
}

/** Left-over body bytes that are read to save the connection, as Go's server does. */
const MAX_DISCARD = 256 * 1024;

/** Serves a connection's requests one after the other, until either side has enough or it is hijacked. Never throws. */
export class Session {
  readonly connection: Connection;
  readonly #options: SessionOptions;
  #controller: AbortController | undefined;
  #closing = false;
  /** Between two requests. */
  #idle = true;

  constructor(connection: Connection, options: SessionOptions) {
    this.connection = connection;
    this.#options = options;
  }

  async run(): Promise<void> {
    try {
      while (!this.#closing && (await this.#next()));
    } catch (error) {
      if (error instanceof HttpError) this.#refuse(error);
      else this.connection.destroy();
    }
  }

  /** Ends after the request that is being answered, at once when there is none. */
  close(reason: Error): void {
    this.#closing = true;
    if (this.#idle) this.connection.finish();
    else this.#controller?.abort(reason);
  }

  async #next(): Promise<boolean> {
    const text = await this.#readHead();
    if (text === undefined) {
      this.connection.finish();
      return false;
    }
    this.#idle = false;
    const head = parseHead(text);
    const response = this.#responseTo(head);
    const request = this.#requestOf(head);
    await this.#options.handle(request, response);
    this.connection.onLeave(undefined);
    this.#controller = undefined;
    if (response.hijacked) return false;
    await response.end();
    this.#idle = true;
    if (response.keepAlive && !this.#closing && (await this.#settleBody(request, head))) return true;
    this.connection.finish();
    return false;
  }

  #responseTo(head: RequestHead): Response {
    const connection = head.headers.get('connection');
    const keepAlive = head.minorVersion === 1 ? !hasToken(connection, 'close') : false;
    return new Response(this.connection, {
      withoutBody: head.method === 'HEAD',
      chunked: head.minorVersion === 1,
      keepAlive,
      headers: this.#options.headers,
    });
  }

  #requestOf(head: RequestHead): Request {
    const expects = head.headers.get('expect')?.toLowerCase() === '100-continue';
    const body = new RequestBody(this.connection, framingOf(head), () => {
      if (expects) this.connection.write(continueHead)?.catch(() => {});
    });
    const session = this;
    return {
      ...head,
      body,
      // Made when asked for: most requests are over before anyone could leave.
      get signal(): AbortSignal {
        return session.#watch();
      },
    };
  }

  #watch(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      this.connection.onLeave(() => controller.abort(new ConnectionClosed('the client has gone')));
    }
    return this.#controller.signal;
  }

  /** Whether the body is read to its end, so that the next request can follow. */
  async #settleBody(request: Request, head: RequestHead): Promise<boolean> {
    if (request.body.complete) return true;
    // A client that still waits for our word to send its body must not be made to.
    if (head.headers.get('expect') !== undefined) return false;
    return request.body.discard(MAX_DISCARD).catch(() => false);
  }

  /** The head's text without the empty line; undefined when the client has no further request. */
  async #readHead(): Promise<string | undefined> {
    const first = await this.connection.read();
    if (first === undefined) return undefined;
    const parts = [first];
    let size = first.length;
    let fresh = Buffer.from(first.buffer, first.byteOffset, first.length);
    let timer: Timer | undefined;
    try {
      while (!fresh.includes(headEnd)) {
        if (size > MAX_HEAD_BYTES) break;
        timer ??= setTimeout(() => this.connection.destroy(), this.#options.headTimeout);
        const more = await this.connection.read();
        if (more === undefined) throw new HttpError(400, 'unexpected EOF in request head');
        parts.push(more);
        size += more.length;
        // The end may lie across two parts.
        fresh = Buffer.concat([fresh.subarray(-3), more]);
      }
    } finally {
      clearTimeout(timer);
    }
    const bytes = parts.length === 1 ? fresh : Buffer.concat(parts);
    const end = bytes.indexOf(headEnd);
    if (end === -1 || end > MAX_HEAD_BYTES) {
      throw new HttpError(431, `request head is larger than ${MAX_HEAD_BYTES} bytes`);
    }
    this.connection.unread(bytes.subarray(end + headEnd.length));
    return bytes.toString('latin1', 0, end);
  }

  #refuse(error: HttpError): void {
    const response = new Response(this.connection, {
      withoutBody: false,
      chunked: true,
      keepAlive: false,
      headers: this.#options.headers,
    });
    this.#options.refuse(error, response);
    this.connection.finish();
  }
}

const headEnd = Buffer.from('\r\n\r\n');
const continueHead = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
