import { connect, type Socket } from 'node:net';

/** A client that speaks bytes: what is sent is what the test wrote, and what came is seen as it came. */
export class RawClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, Buffer.from(bytes)]);
      this.#wake();
    });
    const finish = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', finish);
    socket.on('close', finish);
    socket.on('error', finish);
  }

  /** `address` as the server's `listen` returns it. */
  static async connect(address: string): Promise<RawClient> {
    const url = new URL(address);
    const socket =
      url.protocol === 'unix:'
        ? connect({ path: url.pathname, allowHalfOpen: true })
        : connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Leaves what comes in the kernel. */
  pause(): void {
    this.#socket.pause();
  }

  /** FIN: no more input from here. */
  endInput(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Everything that came, once it contains `text`. Fails when the server ends before. */
  async until(text: string): Promise<string> {
    while (!this.#received.includes(text)) {
      if (this.#ended) throw new Error(`ended without ${JSON.stringify(text)}: ${this.#text()}`);
      await this.#more();
    }
    return this.#text();
  }

  /** Everything that came until the server ended the connection. */
  async all(): Promise<string> {
    while (!this.#ended) await this.#more();
    return this.#text();
  }

  /** What came so far, forgotten afterwards. */
  take(): string {
    const text = this.#text();
    this.#received = Buffer.alloc(0);
    return text;
  }

  #text(): string {
    return this.#received.toString('latin1');
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Parses one whole answer with a Content-Length or chunks. */
export function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
  const rest = text.slice(end + 4);
  const body = headers.get('transfer-encoding') === 'chunked' ? unchunk(rest) : rest;
  return { status: Number(first.split(' ')[1]), headers, body };
}

function unchunk(text: string): string {
  let body = '';
  for (let position = 0; ; ) {
    const lineEnd = text.indexOf('\r\n', position);
    const size = Number.parseInt(text.slice(position, lineEnd), 16);
    if (!(size > 0)) return body;
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    position = lineEnd + 2 + size + 2;
  }
}
