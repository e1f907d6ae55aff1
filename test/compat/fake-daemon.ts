import { unlinkSync } from 'node:fs';
import net from 'node:net';
import { membersOf } from './tar-members.ts';

/** What a command line asked, and what the canned daemon says to it. */

export interface RecordedRequest {
  readonly method: string;
  /** Path and query, without the API version. */
  readonly target: string;
  /** JSON, the members of a tar of files, or text. */
  readonly body: unknown;
  readonly upgrade: boolean;
  /** What `X-Registry-Auth` or `X-Registry-Config` says. */
  readonly auth?: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON unless it is text. */
  readonly body?: unknown;
  /** Sent on the connection itself, after which it closes. */
  readonly stream?: Uint8Array | Promise<Uint8Array>;
}

export type Responder = (request: RecordedRequest) => Answer | undefined;

export interface FakeDaemon {
  readonly requests: RecordedRequest[];
  close(): Promise<void>;
}

/** Serves canned answers on a Unix socket and writes down what was asked, pings aside. */
export async function startFakeDaemon(path: string, respond: Responder): Promise<FakeDaemon> {
  const requests: RecordedRequest[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, (request) => {
      if (request.target === '/_ping') return ping;
      requests.push(request);
      return respond(request) ?? { status: 404, body: { message: 'page not found' } };
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      try {
        unlinkSync(path);
      } catch {
        // The server removed it.
      }
    },
  };
}

const ping: Answer = {
  headers: { 'Api-Version': '1.51', Ostype: 'linux', 'Docker-Experimental': 'false', 'Builder-Version': '1' },
  body: 'OK',
};

function serve(socket: net.Socket, answer: (request: RecordedRequest) => Answer): void {
  let pending: Buffer = Buffer.alloc(0);
  let hijacked = false;
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, Buffer.from(chunk)]);
    for (;;) {
      const parsed = parseRequest(pending);
      if (parsed === undefined) return;
      pending = pending.subarray(parsed.length);
      hijacked ||= parsed.request.upgrade;
      void write(socket, parsed.request, answer(parsed.request));
    }
  });
  // The end of a container's input is not the end of its output.
  socket.on('end', () => {
    if (!hijacked) socket.end();
  });
}

function parseRequest(bytes: Buffer): { request: RecordedRequest; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [requestLine = '', ...headerLines] = bytes.subarray(0, headEnd).toString().split('\r\n');
  const [method = '', target = ''] = requestLine.split(' ');
  const headers = new Map(
    headerLines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const body = parseBody(bytes, headEnd + 4, headers);
  if (body === undefined) return undefined;
  return {
    request: {
      method,
      target: target.replace(/^\/v1\.\d+/, ''),
      body: readable(body.content, target, headers.get('content-type') ?? ''),
      upgrade: headers.has('upgrade'),
      ...authOf(headers.get('x-registry-auth') ?? headers.get('x-registry-config')),
    },
    length: body.end,
  };
}

function authOf(header: string | undefined): { auth?: unknown } {
  return header === undefined ? {} : { auth: JSON.parse(Buffer.from(header, 'base64url').toString()) };
}

function parseBody(
  bytes: Buffer,
  start: number,
  headers: ReadonlyMap<string, string>,
): { content: Buffer; end: number } | undefined {
  if (headers.get('transfer-encoding') !== 'chunked') {
    const end = start + Number(headers.get('content-length') ?? 0);
    return bytes.length < end ? undefined : { content: bytes.subarray(start, end), end };
  }
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (size === 0) return { content: Buffer.concat(chunks), end };
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = end;
  }
}

function readable(content: Buffer, target: string, contentType: string): unknown {
  if (content.length === 0) return undefined;
  if (/\/archive\?|\/build\?/.test(target)) return membersOf(content);
  if (contentType.startsWith('application/json')) return JSON.parse(content.toString());
  return content.toString();
}

async function write(socket: net.Socket, request: RecordedRequest, answer: Answer): Promise<void> {
  if (answer.stream !== undefined && request.upgrade) {
    socket.write(
      'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    const { stream } = answer;
    // Clients may lose what comes in one read with the head.
    setTimeout(async () => socket.end(await stream), 20);
    return;
  }
  const status = answer.status ?? 200;
  const isText = typeof answer.body === 'string';
  const text = answer.body === undefined ? '' : isText ? String(answer.body) : JSON.stringify(answer.body);
  const bytes = (await answer.stream) ?? new TextEncoder().encode(text);
  const headers = { 'Content-Type': isText ? 'text/plain' : 'application/json', ...answer.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = status === 204 || status === 304 ? '' : `Content-Length: ${bytes.length}\r\n`;
  socket.write(`HTTP/1.1 ${status} X\r\n${lines.join('')}${length}\r\n`);
  if (request.method !== 'HEAD') socket.write(bytes);
}

/** A frame of multiplexed output. */
export function frame(stream: 1 | 2, text: string): Uint8Array {
  const data = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}
