import { type Connection, dial } from './connection.ts';
import type { Endpoint, TlsMaterial } from './endpoint.ts';
import { ConnectionError, ProtocolError } from './errors.ts';
import { concat, encodeChunk, encodeHead, type ResponseHead, readBody, readHead } from './http-message.ts';

export type RequestBody = Uint8Array | string | AsyncIterable<Uint8Array>;

export interface TransportRequest {
  readonly method: string;
  /** Path and query, already escaped. */
  readonly target: string;
  readonly headers?: readonly (readonly [string, string])[] | undefined;
  readonly body?: RequestBody | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportResponse extends ResponseHead {
  readonly body: AsyncIterable<Uint8Array>;
}

/** A connection that stopped being HTTP: the response head came, and from here bytes flow both ways. */
export interface Upgraded extends ResponseHead {
  readonly connection: Connection;
}

const USER_AGENT = 'Sampan-Client';
const encoder = new TextEncoder();

/** HTTP/1.1 to one endpoint, with idle connections kept for the next request. */
export class Transport {
  readonly #endpoint: Endpoint;
  readonly #tls: TlsMaterial | undefined;
  readonly #address: string;
  #idle: Connection[] = [];

  constructor(address: string, endpoint: Endpoint, tls: TlsMaterial | undefined) {
    this.#address = address;
    this.#endpoint = endpoint;
    this.#tls = tls;
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    const { head, connection, stopWatching } = await this.#exchange(request);
    const body = readBody(connection, head, request.method, (reusable) => {
      stopWatching();
      if (reusable && !connection.ended) this.#idle.push(connection);
      else connection.close();
    });
    return { ...head, body };
  }

  /** Sends a request that asks for the connection itself. The caller closes what it gets. */
  async upgrade(request: TransportRequest): Promise<Upgraded | TransportResponse> {
    const headers = [['Connection', 'Upgrade'], ['Upgrade', 'tcp'], ...(request.headers ?? [])] as const;
    const { head, connection, stopWatching } = await this.#exchange({ ...request, headers });
    if (head.status === 101 || head.status === 200) return { ...head, connection };
    const body = readBody(connection, head, request.method, () => {
      stopWatching();
      connection.close();
    });
    return { ...head, body };
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
    this.#idle = [];
  }

  async #exchange(request: TransportRequest): Promise<Exchange> {
    const reused = this.#takeIdle();
    if (reused !== undefined) {
      const answered = await this.#attempt(reused, request).catch((reason: unknown) => {
        // A daemon may drop an idle connection just as it is taken; only what can be sent again is.
        if (!isReplayable(request) || request.signal?.aborted) throw reason;
        return undefined;
      });
      if (answered !== undefined) return answered;
      if (!isReplayable(request)) throw new ProtocolError('EOF');
    }
    const answered = await this.#attempt(await this.#connect(), request);
    if (answered === undefined) throw new ProtocolError('EOF');
    return answered;
  }

  async #connect(): Promise<Connection> {
    try {
      return await dial(this.#endpoint, this.#tls);
    } catch (cause) {
      throw new ConnectionError(this.#address, cause);
    }
  }

  #takeIdle(): Connection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (!connection.ended) return connection;
      connection.close();
    }
    return undefined;
  }

  /** undefined: the peer closed without an answer. */
  async #attempt(connection: Connection, request: TransportRequest): Promise<Exchange | undefined> {
    const { signal } = request;
    const abort = (): void => connection.close();
    signal?.addEventListener('abort', abort, { once: true });
    const stopWatching = (): void => signal?.removeEventListener('abort', abort);
    let failure: unknown;
    const giveUp = (reason: unknown): void => {
      failure = reason;
      connection.close();
    };
    try {
      signal?.throwIfAborted();
      // Not awaited: a daemon may refuse, or report progress, while the body is still on its way.
      void sendRequest(connection, request, this.#hostHeader()).catch(giveUp);
      const head = await readHead(connection);
      if (head !== null) return { head, connection, stopWatching };
      if (failure !== undefined) throw failure;
      signal?.throwIfAborted();
      connection.close();
      stopWatching();
      return undefined;
    } catch (reason) {
      stopWatching();
      connection.close();
      if (signal?.aborted) throw signal.reason;
      throw failure ?? reason;
    }
  }

  #hostHeader(): string {
    if (this.#endpoint.kind === 'unix') return 'api.sampan.localhost';
    const { host, port } = this.#endpoint;
    return `${host.includes(':') ? `[${host}]` : host}:${port}`;
  }
}

interface Exchange {
  readonly head: ResponseHead;
  readonly connection: Connection;
  readonly stopWatching: () => void;
}

function isReplayable(request: TransportRequest): boolean {
  const { body } = request;
  return body === undefined || typeof body === 'string' || body instanceof Uint8Array;
}

/** Rejects when the body's source fails. A connection that breaks is left to the reader, who may still find an answer. */
async function sendRequest(connection: Connection, request: TransportRequest, host: string): Promise<void> {
  const { body } = request;
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  const headers: (readonly [string, string])[] = [
    ['Host', host],
    ['User-Agent', USER_AGENT],
    ...(request.headers ?? []),
  ];
  if (bytes instanceof Uint8Array) headers.push(['Content-Length', String(bytes.length)]);
  else if (bytes !== undefined) headers.push(['Transfer-Encoding', 'chunked']);
  else if (request.method === 'POST' || request.method === 'PUT') headers.push(['Content-Length', '0']);
  const head = encodeHead(request.method, request.target, headers);
  const write = (data: Uint8Array): Promise<boolean> =>
    connection.write(data).then(
      () => true,
      () => false,
    );
  if (bytes === undefined) return void (await write(head));
  if (bytes instanceof Uint8Array) return void (await write(concat(head, bytes)));
  if (!(await write(head))) return;
  for await (const chunk of bytes) {
    if (chunk.length > 0 && !(await write(encodeChunk(chunk)))) return;
  }
  await write(encodeChunk(new Uint8Array(0)));
}
