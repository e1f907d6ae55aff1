import { negotiateVersion } from '../wire/versions.ts';
import { parseEndpoint, type TlsMaterial } from './endpoint.ts';
import { ApiError } from './errors.ts';
import { concat } from './http-message.ts';
import { jsonValues } from './json-stream.ts';
import { encodeQuery, type Query } from './query.ts';
import { type RequestBody, Transport, type TransportResponse } from './transport.ts';

export interface ConnectOptions {
  /** `unix:///path`, `tcp://host:port`, `http://…` or `https://…`. */
  readonly host: string;
  readonly tls?: TlsMaterial | undefined;
  /** API version to speak; negotiated with the daemon when not given. */
  readonly version?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface RequestOptions {
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, in chunks; give a Content-Type with it. */
  readonly body?: RequestBody | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A connection that was handed over to a container's streams. */
export interface Hijacked {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** What the container sends; ends with it. */
  readonly output: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  /** End of the container's input; its output goes on. */
  closeWrite(): void;
  close(): void;
}

export interface Ping {
  readonly apiVersion: string | undefined;
  readonly osType: string;
  readonly experimental: boolean;
  readonly builderVersion: string;
}

const MAX_ERROR_BODY = 1024 * 1024;

/** A client of one daemon. Nothing is sent before the first request. */
export function connect(options: ConnectOptions): Client {
  return new Client(options);
}

export class Client {
  readonly host: string;
  readonly #transport: Transport;
  readonly #fixedVersion: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  #negotiated: Promise<string> | undefined;

  constructor(options: ConnectOptions) {
    const secure = options.tls !== undefined || options.host.startsWith('https://');
    const tls = options.tls ?? (secure ? { verify: true } : undefined);
    this.host = options.host;
    this.#fixedVersion = options.version;
    this.#headers = options.headers ?? {};
    this.#transport = new Transport(options.host, parseEndpoint(options.host, secure), tls);
  }

  /** The API version that requests are sent with. */
  version(): Promise<string> {
    if (this.#fixedVersion !== undefined) return Promise.resolve(this.#fixedVersion);
    if (this.#negotiated === undefined) {
      const attempt = this.ping().then(({ apiVersion }) => negotiateVersion(apiVersion));
      this.#negotiated = attempt;
      // A daemon that was not there may be there the next time.
      attempt.catch(() => {
        this.#negotiated = undefined;
      });
    }
    return this.#negotiated;
  }

  /** Asks without a version, with HEAD first: daemons before 19.03 know only GET. */
  async ping(signal?: AbortSignal): Promise<Ping> {
    let response = await this.#transport.send({ method: 'HEAD', target: '/_ping', signal });
    await drain(response.body);
    if (response.status !== 200) {
      response = await this.#transport.send({ method: 'GET', target: '/_ping', signal });
      await drain(response.body);
    }
    if (!response.headers.has('api-version') && response.status >= 400) {
      throw new ApiError(response.status, `ping failed with status ${response.status}`);
    }
    return {
      apiVersion: response.headers.get('api-version'),
      osType: response.headers.get('ostype') ?? 'linux',
      experimental: response.headers.get('docker-experimental') === 'true',
      builderVersion: response.headers.get('builder-version') ?? '',
    };
  }

  /** Sends one request; the body is to be read or left to its iterator's end. Throws ApiError from status 400 on. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<TransportResponse> {
    const response = await this.#transport.send(await this.#prepare(method, path, options));
    if (response.status >= 400) throw await errorOf(response, path);
    return response;
  }

  /** The answer's text, as it came. */
  async text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    const { body } = await this.request(method, path, options);
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return new TextDecoder().decode(chunks.length === 1 ? chunks[0] : concat(...chunks));
  }

  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return JSON.parse(await this.text(method, path, options)) as T;
  }

  /** For answers that say all by their status. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<void> {
    const { body } = await this.request(method, path, options);
    await drain(body);
  }

  /** A stream of JSON values; the iterator starts when the daemon has answered. */
  async values<T>(method: string, path: string, options: RequestOptions = {}): Promise<AsyncIterable<T>> {
    const { body } = await this.request(method, path, options);
    return jsonValues<T>(body);
  }

  /** Asks the daemon to hand over the connection (attach, exec). */
  async hijack(path: string, options: RequestOptions = {}): Promise<Hijacked> {
    const answer = await this.#transport.upgrade(await this.#prepare('POST', path, options));
    if (!('connection' in answer)) throw await errorOf(answer, path);
    const { connection, status, headers } = answer;
    return {
      status,
      headers,
      output: chunksOf(() => connection.read()),
      write: (bytes) => connection.write(bytes),
      closeWrite: () => connection.closeWrite(),
      close: () => connection.close(),
    };
  }

  close(): void {
    this.#transport.close();
  }

  async #prepare(method: string, path: string, options: RequestOptions) {
    const version = await this.version();
    const headers: [string, string][] = Object.entries({ ...this.#headers, ...options.headers });
    if (options.json !== undefined) headers.push(['Content-Type', 'application/json']);
    return {
      method,
      target: `/v${version}${path}${encodeQuery(options.query ?? {})}`,
      headers,
      body: options.json === undefined ? options.body : JSON.stringify(options.json),
      signal: options.signal,
    };
  }
}

async function* chunksOf(read: () => Promise<Uint8Array | null>): AsyncGenerator<Uint8Array> {
  for (let chunk = await read(); chunk !== null; chunk = await read()) yield chunk;
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of body);
}

/** The daemon's message; of what is not Docker's error shape, the text itself. */
async function errorOf(response: TransportResponse, path: string): Promise<ApiError> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_ERROR_BODY) break;
  }
  const text = new TextDecoder().decode(concat(...chunks)).trim();
  if (text === '') {
    return new ApiError(
      response.status,
      `request returned ${response.status} for API route ${path}, check if the server supports the requested API version`,
    );
  }
  return new ApiError(response.status, messageOf(text));
}

function messageOf(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string') {
      return body.message.trim();
    }
  } catch {
    // Not JSON: a proxy's page, or plain text.
  }
  return text;
}
