import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** The same bytes in gzip (RFC 1952), for daemons that are far away. */
export async function* compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const gzip = createGzip();
  const fed = pipeline(Readable.from(source), gzip);
  // Told by the loop below, too, where nobody else waits for it.
  fed.catch(() => {});
  yield* gzip as AsyncIterable<Uint8Array>;
  await fed;
}
