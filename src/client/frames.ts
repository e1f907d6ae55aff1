import { ProtocolError } from './errors.ts';
import { concat } from './http-message.ts';

/** Which stream a frame belongs to, as Docker's attach protocol numbers them. */
export type StreamName = 'stdin' | 'stdout' | 'stderr' | 'error';
const streamNames: readonly StreamName[] = ['stdin', 'stdout', 'stderr', 'error'];

export interface Frame {
  readonly stream: StreamName;
  readonly data: Uint8Array;
}

const HEADER_LENGTH = 8;

/**
 * Takes multiplexed output apart: each frame is a byte for the stream, three zero bytes, four bytes big-endian length, and data. A long
 * frame is yielded in the pieces in which it arrives, so that nothing is held.
 */
export async function* demultiplex(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let stream: StreamName = 'stdout';
  let missing = 0;
  let header: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (missing > 0) {
        const data = chunk.subarray(at, at + missing);
        at += data.length;
        missing -= data.length;
        yield { stream, data };
        continue;
      }
      const part = chunk.subarray(at, at + HEADER_LENGTH - header.length);
      at += part.length;
      header = concat(header, part);
      if (header.length < HEADER_LENGTH) break;
      stream = streamOf(header[0]);
      missing = new DataView(header.buffer, header.byteOffset).getUint32(4);
      header = new Uint8Array(0);
    }
  }
}

function streamOf(number: number | undefined): StreamName {
  const name = streamNames[number ?? -1];
  if (name === undefined) throw new ProtocolError(`Unrecognized input header: ${number}`);
  // Docker's clients show what comes back on the stdin channel as output.
  return name === 'stdin' ? 'stdout' : name;
}
