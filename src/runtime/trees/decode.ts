import { internal } from '../../base/errors.ts';
import type { EntryType } from '../../oci/tar/entry.ts';
import type { TarHeader } from '../../oci/tar/writer.ts';
import type { TreePart, TreeStat } from './contract.ts';
import { RECORD_HEAD, RECORD_HEADER, recordKinds, treeFlags, XATTR_HEADER } from './protocol.ts';

/** The parts in the payload of a frame. Data are views of it. */
export function* decodeParts(payload: Uint8Array): Generator<TreePart, void, void> {
  const bytes = bufferOf(payload);
  for (let at = 0; at < bytes.length; ) {
    const end = recordEnd(bytes, at);
    yield bytes[at] === 0 ? bytes.subarray(at + RECORD_HEAD, end) : decodeHeader(bytes, at, end);
    at = end;
  }
}

/** The one record that answers `stat`. */
export function decodeStat(payload: Uint8Array): TreeStat {
  const bytes = bufferOf(payload);
  const header = decodeHeader(bytes, 0, recordEnd(bytes, 0));
  return {
    path: header.name,
    type: header.type as TreeStat['type'],
    mode: header.mode,
    uid: header.uid,
    gid: header.gid,
    size: header.size,
    seconds: header.seconds,
    nanoseconds: header.nanoseconds,
    linkTarget: header.linkName,
    readOnly: ((bytes[1] ?? 0) & treeFlags.readOnly) !== 0,
  };
}

function bufferOf(payload: Uint8Array): Buffer {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length);
}

/** Where the record at `at` ends. */
function recordEnd(bytes: Buffer, at: number): number {
  const end = at + RECORD_HEAD <= bytes.length ? at + RECORD_HEAD + bytes.readUInt32LE(at + 4) : Infinity;
  if (end > bytes.length) throw broken();
  return end;
}

function decodeHeader(
  bytes: Buffer,
  start: number,
  end: number,
): Required<Omit<TarHeader, 'userName' | 'groupName'>> {
  const type = recordKinds[bytes[start] ?? 0];
  if (type === undefined || end - start < RECORD_HEADER) throw broken();
  const nameEnd = start + RECORD_HEADER + bytes.readUInt16LE(start + 40);
  const linkEnd = nameEnd + bytes.readUInt16LE(start + 42);
  if (linkEnd + bytes.readUInt32LE(start + 44) !== end) throw broken();
  const device = type === 'character' || type === 'block';
  const low = bytes.readUInt32LE(start + 32);
  const high = bytes.readUInt32LE(start + 36);
  return {
    type: type as EntryType,
    name: bytes.toString('latin1', start + RECORD_HEADER, nameEnd),
    linkName: linkEnd === nameEnd ? '' : bytes.toString('latin1', nameEnd, linkEnd),
    mode: bytes.readUInt32LE(start + 8),
    uid: bytes.readUInt32LE(start + 12),
    gid: bytes.readUInt32LE(start + 16),
    nanoseconds: bytes.readUInt32LE(start + 20),
    seconds: bytes.readUInt32LE(start + 24) + bytes.readInt32LE(start + 28) * 2 ** 32,
    size: device ? 0 : low + high * 2 ** 32,
    major: device ? low : 0,
    minor: device ? high : 0,
    xattrs: linkEnd === end ? undefined : decodeXattrs(bytes, linkEnd, end),
  };
}

function decodeXattrs(bytes: Buffer, start: number, end: number): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (let at = start; at < end; ) {
    if (at + XATTR_HEADER > end) throw broken();
    const nameEnd = at + XATTR_HEADER + bytes.readUInt32LE(at);
    const valueEnd = nameEnd + bytes.readUInt32LE(at + 4);
    if (valueEnd > end) throw broken();
    xattrs.set(bytes.toString('latin1', at + XATTR_HEADER, nameEnd), bytes.subarray(nameEnd, valueEnd));
    at = valueEnd;
  }
  return xattrs;
}

function broken(): Error {
  return internal('the tree session sent a record that breaks the rules');
}
