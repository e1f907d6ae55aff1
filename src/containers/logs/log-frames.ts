import type { LogRecord } from './log-record.ts';

export interface FrameOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** A terminal's log goes out as raw bytes. */
  readonly raw: boolean;
}

/** Frames collected before they are handed on: one write to a client instead of hundreds. */
const BATCH = 64 << 10;

const HEADER = 8;
const encoder = new TextEncoder();

/** Gathers records into Docker's multiplexed form: stream, 0, 0, 0, length in big-endian order, text. */
export class FrameBatch {
  readonly #options: FrameOptions;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(options: FrameOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#size >= BATCH;
  }

  get empty(): boolean {
    return this.#size === 0;
  }

  add(record: LogRecord): void {
    if (!this.#options[record.stream]) return;
    const body = encoder.encode(this.#prefix(record) + record.text);
    if (!this.#options.raw) this.#push(header(record.stream, body.length));
    this.#push(body);
  }

  take(): Uint8Array {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#size = 0;
    return Buffer.concat(chunks);
  }

  #prefix(record: LogRecord): string {
    const time = this.#options.timestamps ? `${record.time} ` : '';
    return this.#options.details ? `${time}${formatAttributes(record.attributes)} ` : time;
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }
}

function header(stream: 'stdout' | 'stderr', length: number): Uint8Array {
  const bytes = new Uint8Array(HEADER);
  bytes[0] = stream === 'stdout' ? 1 : 2;
  new DataView(bytes.buffer).setUint32(4, length);
  return bytes;
}

/** "k=v,k2=v2", sorted and escaped as in a URL's query. */
function formatAttributes(attributes: Readonly<Record<string, string>>): string {
  return Object.keys(attributes)
    .sort()
    .map((key) => `${escapeQuery(key)}=${escapeQuery(attributes[key] ?? '')}`)
    .join(',');
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
