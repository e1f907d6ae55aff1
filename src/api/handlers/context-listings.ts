import { invalid } from '../../base/errors.ts';

const DIGEST = 32;
const MAX_LISTINGS = 1_000_000;
const MAX_LISTING = 4 << 20;
/** Of all listings together: a million files with long names. */
const MAX_BYTES = 512 << 20;
const NEWLINE = 0x0a;

/** SHA-256 digests one after the other, as hexadecimal digits. Fails with `invalid-argument`. */
export async function readListingIds(body: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_LISTINGS * DIGEST) throw invalid(`the context has more than ${MAX_LISTINGS} listings`);
  }
  if (length % DIGEST !== 0) throw invalid('the names of the listings of a context are SHA-256 digests');
  const digits = Buffer.concat(chunks, length).toString('hex');
  return Array.from({ length: length / DIGEST }, (_, index) =>
    digits.slice(index * 2 * DIGEST, (index + 1) * 2 * DIGEST),
  );
}

/** Listings, one a line, as they are. Fails with `invalid-argument`. */
export async function readListings(body: AsyncIterable<Uint8Array>): Promise<readonly Buffer[]> {
  const listings: Buffer[] = [];
  let open: Uint8Array[] = [];
  let length = 0;
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > MAX_BYTES) throw invalid(`the listings of the context are longer than ${MAX_BYTES} bytes`);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      listings.push(Buffer.concat([...open, chunk.subarray(start, end)]));
      open = [];
      length = 0;
      start = end + 1;
    }
    if (listings.length > MAX_LISTINGS) throw invalid(`the context has more than ${MAX_LISTINGS} listings`);
    open.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > MAX_LISTING) throw invalid('a listing of the context is too long');
  }
  if (length > 0) listings.push(Buffer.concat(open));
  return listings;
}
