import type { TarHeader } from '../../oci/tar/writer.ts';
import { encodeFrame, FRAME_HEADER_SIZE, writeFrameHeader } from '../frames.ts';
import type { TreePart } from './contract.ts';
import { PartsFrame } from './encode.ts';
import { RECORD_HEAD, TREE_FRAME_MAX, treeFrames } from './protocol.ts';
import type { TreeSession } from './session.ts';

/** Data of this size travels as it is, in a frame of its own. */
const LARGE = 64 * 1024;
const RUN_MAX = TREE_FRAME_MAX - RECORD_HEAD;

/**
 * Sends all parts and their end, no faster than they are taken; or until `stopped`, when the session has said that it wants no more. When the
 * source fails, the session is told that there will be no more and the source's error is thrown.
 */
export async function sendParts(
  session: TreeSession,
  parts: AsyncIterable<TreePart>,
  stopped: AbortSignal,
): Promise<void> {
  const sender = new PartsSender(session, stopped);
  try {
    for await (const part of parts) {
      if (stopped.aborted) return;
      if (part instanceof Uint8Array) await sender.data(part);
      else await sender.header(part);
    }
    await sender.end(treeFrames.end);
  } catch (error) {
    await sender.end(treeFrames.cancel);
    throw error;
  }
}

class PartsSender {
  readonly #session: TreeSession;
  readonly #stopped: AbortSignal;
  readonly #frame = new PartsFrame();

  constructor(session: TreeSession, stopped: AbortSignal) {
    this.#session = session;
    this.#stopped = stopped;
  }

  /** Not a promise where nothing has to be waited for: most headers and data only go into the frame. */
  header(header: TarHeader): Promise<void> | undefined {
    if (!this.#frame.full) {
      this.#frame.addHeader(header);
      return undefined;
    }
    return this.#flush().then(() => this.#frame.addHeader(header));
  }

  data(data: Uint8Array): Promise<void> | undefined {
    if (data.length >= LARGE) return this.#sendLarge(data);
    if (data.length + RECORD_HEAD <= this.#frame.room) {
      this.#frame.addData(data);
      return undefined;
    }
    return this.#flush().then(() => this.#frame.addData(data));
  }

  async end(type: number): Promise<void> {
    await this.#flush();
    await this.#send(encodeFrame(type));
  }

  async #flush(): Promise<void> {
    if (!this.#frame.empty) await this.#send(this.#frame.take());
  }

  async #sendLarge(data: Uint8Array): Promise<void> {
    await this.#flush();
    for (let at = 0; at < data.length; at += RUN_MAX) {
      const run = data.subarray(at, at + RUN_MAX);
      const head = Buffer.alloc(FRAME_HEADER_SIZE + RECORD_HEAD);
      writeFrameHeader(head, treeFrames.parts, RECORD_HEAD + run.length);
      head.writeUInt32LE(run.length, FRAME_HEADER_SIZE + 4);
      await this.#send(head, run);
    }
  }

  /** One frame, which nothing may tear: all of it is handed over before any of it is waited for. */
  async #send(...pieces: readonly Uint8Array[]): Promise<void> {
    if (this.#stopped.aborted) return;
    await Promise.all(pieces.map((piece) => this.#session.send(piece)));
  }
}
