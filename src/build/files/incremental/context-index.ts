import { crc32 } from 'node:zlib';
import { type Digest, hexOf } from '../../../oci/digest.ts';
import { PLACE_BYTES, type StoredListing } from './stored-listing.ts';

/** What a context's pack holds. */
export interface ContextIndex {
  /** The pack's file name. */
  readonly pack: string;
  /** Its bytes that count; what follows was never said to be there. */
  readonly size: number;
  readonly listings: readonly StoredListing[];
}

const VERSION = 3;
const SUM = 4;
const DIGEST = 32;
/** Of one listing: its ID, the digest of its entries, five numbers, the lengths of what follows. */
const HEAD = 2 * DIGEST + 4 + 4 * 8 + 3 * 4;
const NO_MODE = 0xffff_ffff;

/** A line of JSON, the listings one after the other, a sum of all that: what is not asked for need not be parsed to be written again. */
export function encodeIndex({ pack, size, listings }: ContextIndex): Buffer {
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify({ version: VERSION, pack, size })}\n`)];
  for (const listing of listings) {
    const path = Buffer.from(listing.path, 'latin1');
    parts.push(headOf(listing, path.length), path, listing.text, listing.places);
  }
  const bytes = Buffer.concat([...parts, Buffer.alloc(SUM)]);
  const end = bytes.length - SUM;
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

/** Undefined for what is no index, or one of another version: the context is sent anew then. */
export function decodeIndex(bytes: Buffer): ContextIndex | undefined {
  const end = bytes.length - SUM;
  const start = bytes.indexOf('\n') + 1;
  if (start === 0 || start > end || crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end))
    return undefined;
  const { version, pack, size } = JSON.parse(bytes.toString('utf8', 0, start));
  if (version !== VERSION || typeof pack !== 'string' || typeof size !== 'number') return undefined;
  const listings: StoredListing[] = [];
  for (let at = start; at < end; ) {
    const [listing, next] = readListing(bytes, at);
    listings.push(listing);
    at = next;
  }
  return { pack, size, listings };
}

function headOf({ id, own, ...listing }: StoredListing, pathLength: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head.write(id, 0, 'hex');
  head.write(hexOf(own), DIGEST, 'hex');
  let at = head.writeUInt32LE(listing.mode ?? NO_MODE, 2 * DIGEST);
  at = head.writeDoubleLE(listing.seconds, at);
  at = head.writeDoubleLE(listing.count, at);
  at = head.writeDoubleLE(listing.bytes, at);
  at = head.writeDoubleLE(listing.age, at);
  at = head.writeUInt32LE(pathLength, at);
  at = head.writeUInt32LE(listing.text.length, at);
  head.writeUInt32LE(listing.places.length / PLACE_BYTES, at);
  return head;
}

function readListing(bytes: Buffer, at: number): readonly [listing: StoredListing, next: number] {
  const numbers = at + 2 * DIGEST;
  const mode = bytes.readUInt32LE(numbers);
  const path = at + HEAD;
  const text = path + bytes.readUInt32LE(numbers + 36);
  const places = text + bytes.readUInt32LE(numbers + 40);
  const next = places + bytes.readUInt32LE(numbers + 44) * PLACE_BYTES;
  const own: Digest = `sha256:${bytes.toString('hex', at + DIGEST, numbers)}`;
  const listing = {
    id: bytes.toString('hex', at, at + DIGEST),
    own,
    mode: mode === NO_MODE ? null : mode,
    seconds: bytes.readDoubleLE(numbers + 4),
    count: bytes.readDoubleLE(numbers + 12),
    bytes: bytes.readDoubleLE(numbers + 20),
    age: bytes.readDoubleLE(numbers + 28),
    path: bytes.toString('latin1', path, text),
    text: bytes.subarray(text, places),
    places: bytes.subarray(places, next),
  };
  return [listing, next];
}
