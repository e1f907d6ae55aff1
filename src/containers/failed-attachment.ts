import type { Attachment } from '../runtime/contract.ts';

/** What a client sees of a process that could not be started: the reason, on standard output, and the end. */
export function failedAttachment(text: string): Attachment {
  const body = new TextEncoder().encode(text);
  const frame = new Uint8Array(8 + body.length);
  frame[0] = 1;
  new DataView(frame.buffer).setUint32(4, body.length);
  frame.set(body, 8);
  return {
    frames: once(frame),
    write: async () => {},
    end: async () => {},
    detached: Promise.resolve(false),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* once(frame: Uint8Array): AsyncGenerator<Uint8Array> {
  yield frame;
}
