const HEADER_LENGTH = 8;

/** The payload of Docker's multiplexed frames (stream, 0, 0, 0, length, bytes), whichever way they were cut; nothing is gathered. */
export async function* payloads(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const header = Buffer.alloc(HEADER_LENGTH);
  let headerBytes = 0;
  let left = 0;
  for await (const bytes of frames) {
    for (let position = 0; position < bytes.length; ) {
      if (left > 0) {
        const part = bytes.subarray(position, position + left);
        left -= part.length;
        position += part.length;
        yield part;
        continue;
      }
      header[headerBytes++] = bytes[position++] ?? 0;
      if (headerBytes === HEADER_LENGTH) {
        left = header.readUInt32BE(4);
        headerBytes = 0;
      }
    }
  }
}
