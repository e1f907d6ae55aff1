import { createHash } from 'node:crypto';
import { invalid } from '../../base/errors.ts';
import { type Connection, ConnectionClosed } from '../http/connection.ts';
import { hasToken } from '../http/head.ts';
import type { Response } from '../http/response.ts';
import type { Request } from '../http/session.ts';
import type { Peer } from './pump.ts';

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
/** Of close, ping and pong (RFC 6455, section 5.5). */
const MAX_CONTROL_PAYLOAD = 125;

/** Answers a websocket's opening handshake (RFC 6455, section 4.2). Fails with `invalid-argument` when it is none. */
export function acceptWebsocket(request: Request, response: Response): WebsocketPeer {
  const { headers } = request;
  const key = headers.get('sec-websocket-key');
  const asked =
    hasToken(headers.get('upgrade'), 'websocket') && hasToken(headers.get('connection'), 'upgrade');
  if (!asked || key === undefined || headers.get('sec-websocket-version') !== '13') {
    throw invalid('bad websocket handshake');
  }
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return new WebsocketPeer(response.hijack({ 'Sec-WebSocket-Accept': accept }, 'websocket'));
}

/** A stream of bytes in websocket messages: each `write` is a binary one, and the payload of whatever comes is read. */
export class WebsocketPeer implements Peer {
  readonly #connection: Connection;
  /** Bytes left of the frame that is being read. */
  #left = 0;
  #mask: Uint8Array = new Uint8Array(4);
  #maskOffset = 0;
  #finished = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      while (this.#left === 0) if (!(await this.#nextFrame())) return undefined;
      return await this.#payload();
    } catch (error) {
      if (error instanceof ConnectionClosed) return undefined;
      throw error;
    }
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    return bytes.length === 0 ? undefined : this.#connection.write(frame(opcodes.binary, bytes));
  }

  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    if (!this.#connection.closed) {
      this.#connection.write(frame(opcodes.close, Uint8Array.of(0x03, 0xe8)))?.catch(() => {});
    }
    this.#connection.finish();
  }

  onClose(listener: () => void): void {
    this.#connection.onClose(listener);
  }

  /** Reads up to the next frame that carries data; false at the end. */
  async #nextFrame(): Promise<boolean> {
    const [first = 0, second = 0] = await this.#take(2);
    const opcode = first & 0x0f;
    const length = await this.#lengthOf(second & 0x7f);
    // Clients must mask, and nothing was negotiated that would set the reserved bits.
    if ((second & 0x80) === 0 || (first & 0x70) !== 0) return this.#breakOff();
    this.#mask = await this.#take(4);
    this.#maskOffset = 0;
    if (opcode === opcodes.text || opcode === opcodes.binary || opcode === opcodes.continuation) {
      this.#left = length;
      return true;
    }
    if (length > MAX_CONTROL_PAYLOAD) return this.#breakOff();
    const payload = this.#unmask(await this.#take(length));
    if (opcode === opcodes.close) return false;
    if (opcode === opcodes.ping) await this.#connection.write(frame(opcodes.pong, payload));
    return true;
  }

  async #lengthOf(short: number): Promise<number> {
    if (short < 126) return short;
    const bytes = Buffer.from(await this.#take(short === 126 ? 2 : 8));
    return short === 126 ? bytes.readUInt16BE() : Number(bytes.readBigUInt64BE());
  }

  #breakOff(): false {
    this.#connection.destroy();
    return false;
  }

  async #payload(): Promise<Uint8Array> {
    const bytes = await this.#connection.read();
    if (bytes === undefined) throw new ConnectionClosed('the client has gone');
    const part = bytes.subarray(0, this.#left);
    this.#connection.unread(bytes.subarray(part.length));
    this.#left -= part.length;
    return this.#unmask(part);
  }

  #unmask(bytes: Uint8Array): Uint8Array {
    const plain = new Uint8Array(bytes.length);
    for (let index = 0; index < bytes.length; index++) {
      plain[index] = (bytes[index] ?? 0) ^ (this.#mask[(this.#maskOffset + index) & 3] ?? 0);
    }
    this.#maskOffset = (this.#maskOffset + bytes.length) & 3;
    return plain;
  }

  /** Exactly so many bytes. */
  async #take(count: number): Promise<Uint8Array> {
    const taken = Buffer.alloc(count);
    for (let filled = 0; filled < count; ) {
      const bytes = await this.#connection.read();
      if (bytes === undefined) throw new ConnectionClosed('the client has gone');
      const part = bytes.subarray(0, count - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#connection.unread(bytes.subarray(part.length));
    }
    return taken;
  }
}

/** One whole, unmasked frame: what a server sends. */
function frame(opcode: number, payload: Uint8Array): Uint8Array {
  const length = payload.length;
  const header = Buffer.alloc(length < 126 ? 2 : length < 65536 ? 4 : 10);
  header[0] = 0x80 | opcode;
  if (length < 126) header[1] = length;
  else if (length < 65536) {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, payload]);
}
