import type { Connection } from './connection.ts';
import { type BodyFraming, HttpError } from './head.ts';

/** Longest line of a chunk's size with its extensions, and of all trailers. */
const MAX_CHUNK_LINE = 4096;
const MAX_TRAILERS = 16 * 1024;

/** The bytes of one request's body, read as they are asked for, so that a slow consumer slows the client. */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #connection: Connection;
  readonly #framing: BodyFraming;
  readonly #onFirstRead: () => void;
  #remaining: number;
  #started = false;
  /** All of it has been read. */
  complete: boolean;

  /** `onFirstRead` is where a client that sent `Expect: 100-continue` is told to go on. */
  constructor(connection: Connection, framing: BodyFraming, onFirstRead: () => void) {
    this.#connection = connection;
    this.#framing = framing;
    this.#onFirstRead = onFirstRead;
    this.#remaining = framing.kind === 'length' ? framing.length : 0;
    this.complete = framing.kind === 'none';
  }

  /** Bytes that the client announced; undefined when it did not say. */
  get length(): number | undefined {
    if (this.#framing.kind === 'chunked') return undefined;
    return this.#framing.kind === 'length' ? this.#framing.length : 0;
  }

  /** The next part, or undefined at the end. Throws HttpError when the client breaks off or breaks the framing. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.complete) return undefined;
    if (!this.#started) {
      this.#started = true;
      this.#onFirstRead();
    }
    if (this.#remaining === 0 && this.#framing.kind === 'chunked') await this.#nextChunk();
    if (this.#remaining === 0) {
      this.complete = true;
      return undefined;
    }
    const bytes = await this.#take(this.#remaining);
    this.#remaining -= bytes.length;
    if (this.#remaining === 0) {
      if (this.#framing.kind === 'length') this.complete = true;
      else await this.#expectLineEnd();
    }
    return bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let bytes = await this.read(); bytes !== undefined; bytes = await this.read()) yield bytes;
  }

  /** All of it as one piece; HttpError 413 beyond `limit` bytes. */
  async whole(limit: number): Promise<Uint8Array> {
    if ((this.length ?? 0) > limit) throw new HttpError(413, `request body is larger than ${limit} bytes`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of this) {
      size += part.length;
      if (size > limit) throw new HttpError(413, `request body is larger than ${limit} bytes`);
      parts.push(part);
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Reads what the handler left. False when it is not worth it: more than `limit` bytes, or not begun on. */
  async discard(limit: number): Promise<boolean> {
    let size = 0;
    while (!this.complete) {
      const part = await this.read();
      size += part?.length ?? 0;
      if (size > limit) return false;
    }
    return true;
  }

  async #take(limit: number): Promise<Uint8Array> {
    const bytes = await this.#connection.read();
    if (bytes === undefined) throw new HttpError(400, 'unexpected EOF in request body');
    if (bytes.length <= limit) return bytes;
    this.#connection.unread(bytes.subarray(limit));
    return bytes.subarray(0, limit);
  }

  async #nextChunk(): Promise<void> {
    const line = await this.#line(MAX_CHUNK_LINE);
    const size = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw new HttpError(400, 'malformed chunk size in request body');
    this.#remaining = Number.parseInt(size, 16);
    if (this.#remaining === 0) await this.#trailers();
  }

  async #trailers(): Promise<void> {
    for (let left = MAX_TRAILERS; ; ) {
      const line = await this.#line(left);
      if (line === '') return;
      left -= line.length + 2;
    }
  }

  async #expectLineEnd(): Promise<void> {
    if ((await this.#line(0)) !== '') throw new HttpError(400, 'malformed chunk end in request body');
  }

  /** A line without its end, of at most `limit` bytes. */
  async #line(limit: number): Promise<string> {
    let line = '';
    for (;;) {
      const bytes = await this.#take(Number.POSITIVE_INFINITY);
      const end = bytes.indexOf(0x0a);
      line += Buffer.from(bytes.buffer, bytes.byteOffset, end === -1 ? bytes.length : end).toString('latin1');
      if (line.length > limit + 1) throw new HttpError(400, 'malformed chunk in request body');
      if (end !== -1) {
        this.#connection.unread(bytes.subarray(end + 1));
        if (!line.endsWith('\r')) throw new HttpError(400, 'malformed chunk in request body');
        return line.slice(0, -1);
      }
    }
  }
}
