import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface SeenUpload {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly authorization: string | undefined;
  readonly contentRange: string | undefined;
  /** What the client announced. */
  readonly length: string | undefined;
  readonly contentType: string | undefined;
}

interface Canned {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A registry on loopback that takes uploads, as well or as badly as the test wants. */
export class UploadDouble implements AsyncDisposable {
  readonly requests: SeenUpload[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** Bytes so far by upload. */
  readonly uploads = new Map<string, Buffer>();
  /** Headers of the answer that begins an upload. */
  beginHeaders: Record<string, string> = {};
  /** Answers in the double's place. */
  intercept: (request: SeenUpload, nth: number) => Canned | undefined = () => undefined;
  /** Bytes of the body after which the connection breaks; those before it are kept. */
  cutAfter: (request: SeenUpload, nth: number) => number | undefined = () => undefined;
  /** What it says of the bytes that it has, by their number; nothing for undefined. */
  showRange: (size: number) => string | undefined = (size) => `0-${Math.max(0, size - 1)}`;
  /** Makes a location of an upload's path. */
  locate: (path: string) => string = (path) => path;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<UploadDouble> {
    const double = new UploadDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    return double;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** "METHOD" of what was asked, in order, without the page that every client begins with. */
  get methods(): string[] {
    return this.requests.filter(({ target }) => target !== '/v2/').map(({ method }) => method);
  }

  of(method: string): SeenUpload[] {
    return this.requests.filter((request) => request.method === method);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: target = '', headers } = request;
    const seen = {
      ...{ method, target },
      authorization: headers.authorization,
      contentRange: headers['content-range'],
      length: headers['content-length'],
      contentType: headers['content-type'],
    };
    this.requests.push(seen);
    const nth = this.of(method).length;
    const canned = this.intercept(seen, nth);
    if (canned !== undefined) {
      if (canned.status !== 401 && canned.status < 300) request.resume();
      response.writeHead(canned.status, canned.headers).end(canned.body);
      return;
    }
    const { pathname, searchParams } = new URL(target, this.url);
    const path = pathname.replace(/^\/v2\/.+\/(blobs|manifests)\//, '$1/');
    const upload = path.replace('blobs/uploads/', '');
    const cut = this.cutAfter(seen, nth);
    if (path === 'v2' || pathname === '/v2/') response.writeHead(200).end();
    else if (method === 'POST') this.#begin(pathname, response);
    else if (method === 'PATCH') await this.#patch(upload, request, response, pathname, cut);
    else if (method === 'PUT' && path.startsWith('blobs/')) {
      await this.#append(upload, request, response, cut);
      this.#finish(upload, searchParams.get('digest') ?? '', response);
    } else if (method === 'HEAD') this.#stat(path.replace('blobs/', ''), response);
    else if (method === 'DELETE') response.writeHead(this.uploads.delete(upload) ? 204 : 404).end();
    else if (method === 'GET') this.#status(upload, pathname, response);
    else response.writeHead(404).end();
  }

  #begin(path: string, response: ServerResponse): void {
    const upload = randomUUID();
    this.uploads.set(upload, Buffer.alloc(0));
    const headers = { Location: this.locate(`${path}${upload}?state=a%2Fb~c`), ...this.beginHeaders };
    response.writeHead(202, headers).end();
  }

  async #append(
    upload: string,
    request: IncomingMessage,
    response: ServerResponse,
    cut = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const parts = [this.uploads.get(upload) ?? Buffer.alloc(0)];
    let size = 0;
    try {
      for await (const part of request as AsyncIterable<Buffer>) {
        parts.push(part.subarray(0, cut - size));
        size += part.length;
        if (size < cut) continue;
        response.destroy();
        break;
      }
    } finally {
      if (this.uploads.has(upload)) this.uploads.set(upload, Buffer.concat(parts));
    }
  }

  async #patch(
    upload: string,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    cut: number | undefined,
  ): Promise<void> {
    await this.#append(upload, request, response, cut);
    if (response.destroyed) return;
    const headers = { Location: this.locate(`${path}?state=next`), ...this.#range(upload) };
    response.writeHead(this.uploads.has(upload) ? 202 : 404, headers).end();
  }

  #finish(upload: string, digest: string, response: ServerResponse): void {
    if (response.destroyed) return;
    const bytes = this.uploads.get(upload);
    if (bytes === undefined) return void response.writeHead(404).end();
    if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== digest) {
      const body = JSON.stringify({ errors: [{ code: 'DIGEST_INVALID', message: 'not what was said' }] });
      return void response.writeHead(400).end(body);
    }
    this.uploads.delete(upload);
    this.blobs.set(digest, bytes);
    response.writeHead(201).end();
  }

  #stat(digest: string, response: ServerResponse): void {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'Content-Length': bytes.length }).end();
  }

  #status(upload: string, path: string, response: ServerResponse): void {
    if (!this.uploads.has(upload)) return void response.writeHead(404).end();
    response.writeHead(204, { Location: this.locate(`${path}?state=x`), ...this.#range(upload) }).end();
  }

  #range(upload: string): Record<string, string> {
    const range = this.showRange(this.uploads.get(upload)?.length ?? 0);
    return range === undefined ? {} : { Range: range };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
