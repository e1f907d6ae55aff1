import type { Readable } from 'node:stream';
import { SampanError } from '../../base/errors.ts';

/** A message's prefix: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const PREFIX = 5;

/** As BuildKit's own limit. */
export const MAX_MESSAGE = 16 << 20;

export function framed(...messages: readonly Uint8Array[]): Buffer {
  const size = messages.reduce((sum, message) => sum + PREFIX + message.length, 0);
  const frames = Buffer.allocUnsafe(size);
  let at = 0;
  for (const message of messages) {
    frames[at] = 0;
    frames.writeUInt32BE(message.length, at + 1);
    frames.set(message, at + PREFIX);
    at += PREFIX + message.length;
  }
  return frames;
}

/** The messages in a stream of bytes, which stays open when no more of them are wanted. Fails with `exhausted` on one that is too large. */
export async function* messagesIn(stream: Readable): AsyncGenerator<Buffer, void, void> {
  let parts: Buffer[] = [];
  let size = 0;
  let wanted = PREFIX;
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    parts.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    let bytes = Buffer.concat(parts);
    for (wanted = PREFIX; bytes.length >= wanted; wanted = PREFIX) {
      wanted = PREFIX + lengthOf(bytes);
      if (bytes.length < wanted) break;
      yield bytes.subarray(PREFIX, wanted);
      bytes = bytes.subarray(wanted);
    }
    parts = [bytes];
    size = bytes.length;
  }
  if (size > 0) throw new SampanError('data-loss', 'a gRPC message ended early');
}

function lengthOf(bytes: Buffer): number {
  if (bytes[0] !== 0) throw new SampanError('unimplemented', 'compressed gRPC messages are not supported');
  const length = bytes.readUInt32BE(1);
  if (length > MAX_MESSAGE) {
    throw new SampanError('exhausted', `a gRPC message has ${length} bytes, more than ${MAX_MESSAGE}`);
  }
  return length;
}
