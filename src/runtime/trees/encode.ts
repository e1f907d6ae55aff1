import { invalid } from '../../base/errors.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import { FRAME_HEADER_SIZE, writeFrameHeader } from '../frames.ts';
import {
  RECORD_HEAD,
  RECORD_HEADER,
  recordKinds,
  TREE_FRAME_MAX,
  TREE_NAME_MAX,
  TREE_XATTRS_MAX,
  treeFrames,
  XATTR_HEADER,
} from './protocol.ts';

const PREFIXES_MAX = 32;

/** The frame of a request. Fails with `invalid-argument` for what no session would understand. */
export function encodeRequest(
  type: number,
  flags: number,
  path: string,
  prefixes: readonly string[] = [],
): Uint8Array {
  if (path.length > TREE_NAME_MAX) throw invalid('the path is too long');
  if (prefixes.length > PREFIXES_MAX || prefixes.some(({ length }) => length > 255)) {
    throw invalid('too many or too long prefixes of extended attributes');
  }
  const size = 4 + path.length + prefixes.reduce((sum, prefix) => sum + 1 + prefix.length, 0);
  const frame = Buffer.allocUnsafe(FRAME_HEADER_SIZE + size);
  writeFrameHeader(frame, type, size);
  let at = FRAME_HEADER_SIZE;
  at = frame.writeUInt8(flags, at);
  at = frame.writeUInt8(prefixes.length, at);
  at = frame.writeUInt16LE(path.length, at);
  at += frame.write(path, at, 'latin1');
  for (const prefix of prefixes) {
    at = frame.writeUInt8(prefix.length, at);
    at += frame.write(prefix, at, 'latin1');
  }
  return frame;
}

/** A frame is sent when it has this much; the longest header still fits behind it. */
const FULL = 192 * 1024;

const kindNumbers: ReadonlyMap<string, number> = new Map(recordKinds.map((kind, index) => [kind, index]));

/** Gathers records into a frame, in memory that is used again: what `take` gives must be sent before the next record is added. */
export class PartsFrame {
  readonly #bytes = Buffer.allocUnsafe(FRAME_HEADER_SIZE + TREE_FRAME_MAX);
  #at = FRAME_HEADER_SIZE;

  /** Whether it is time to send. */
  get full(): boolean {
    return this.#at > FULL;
  }

  get empty(): boolean {
    return this.#at === FRAME_HEADER_SIZE;
  }

  /** The frame, which is empty afterwards. */
  take(): Uint8Array {
    const frame = this.#bytes.subarray(0, this.#at);
    writeFrameHeader(frame, treeFrames.parts, this.#at - FRAME_HEADER_SIZE);
    this.#at = FRAME_HEADER_SIZE;
    return frame;
  }

  /** How much data fits. */
  get room(): number {
    return Math.max(0, FULL - this.#at);
  }

  /** At most `room` bytes. */
  addData(data: Uint8Array): void {
    const bytes = this.#bytes;
    bytes.writeUInt32LE(0, this.#at);
    bytes.writeUInt32LE(data.length, this.#at + 4);
    bytes.set(data, this.#at + RECORD_HEAD);
    this.#at += RECORD_HEAD + data.length;
  }

  /** To a frame that is not full. Fails with `invalid-argument` for a header that cannot be sent. */
  addHeader(header: TarHeader): void {
    const { name, linkName = '' } = header;
    if (name.length > TREE_NAME_MAX || linkName.length > TREE_NAME_MAX) throw invalid('a name is too long');
    const kind = kindNumbers.get(header.type);
    if (kind === undefined) throw invalid(`cannot write a ${header.type} into a tree`);
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start + RECORD_HEADER;
    at += bytes.write(name, at, 'latin1');
    at += bytes.write(linkName, at, 'latin1');
    const xattrs = at;
    for (const [key, value] of header.xattrs ?? []) at = writeXattr(bytes, at, xattrs, key, value);
    this.#writeNumbers(start, header);
    bytes.writeUInt32LE(kind, start);
    bytes.writeUInt32LE(at - start - RECORD_HEAD, start + 4);
    bytes.writeUInt16LE(name.length, start + 40);
    bytes.writeUInt16LE(linkName.length, start + 42);
    bytes.writeUInt32LE(at - xattrs, start + 44);
    this.#at = at;
  }

  #writeNumbers(start: number, header: TarHeader): void {
    const { mode = 0, uid = 0, gid = 0, seconds = 0, nanoseconds = 0 } = header;
    const device = header.type === 'character' || header.type === 'block';
    const size = header.type === 'file' ? (header.size ?? 0) : 0;
    const bytes = this.#bytes;
    bytes.writeUInt32LE(mode & 0o7777, start + 8);
    bytes.writeUInt32LE(uid, start + 12);
    bytes.writeUInt32LE(gid, start + 16);
    bytes.writeUInt32LE(nanoseconds, start + 20);
    bytes.writeInt32LE(seconds | 0, start + 24);
    bytes.writeInt32LE(Math.floor(seconds / 2 ** 32), start + 28);
    bytes.writeUInt32LE(device ? (header.major ?? 0) : size >>> 0, start + 32);
    bytes.writeUInt32LE(device ? (header.minor ?? 0) : Math.floor(size / 2 ** 32), start + 36);
  }
}

function writeXattr(bytes: Buffer, at: number, first: number, name: string, value: Uint8Array): number {
  const end = at + XATTR_HEADER + name.length + value.length;
  if (end - first > TREE_XATTRS_MAX) throw invalid('the extended attributes are too large');
  bytes.writeUInt32LE(name.length, at);
  bytes.writeUInt32LE(value.length, at + 4);
  bytes.write(name, at + XATTR_HEADER, 'latin1');
  bytes.set(value, end - value.length);
  return end;
}
