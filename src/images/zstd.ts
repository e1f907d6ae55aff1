import { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';

/** That of most who write such layers. */
const LEVEL = 3;

/** Compresses a stream as one zstd frame with a checksum; the same bytes give the same bytes. */
export async function* zstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const params = {
    [constants.ZSTD_c_compressionLevel]: LEVEL,
    [constants.ZSTD_c_checksumFlag]: 1,
  };
  const compressor = createZstdCompress({ params });
  const reader = Readable.from(source, { objectMode: true });
  reader.on('error', (error) => compressor.destroy(error));
  reader.pipe(compressor);
  try {
    for await (const chunk of compressor) yield chunk as Uint8Array;
  } finally {
    reader.destroy();
    compressor.destroy();
  }
}
