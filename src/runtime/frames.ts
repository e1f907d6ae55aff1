import { SampanError } from '../base/errors.ts';

/**
 * Frames between the daemon and a launcher or supervisor: type (u8), three zero bytes, length (u32, big-endian), payload.
 * The header is that of Docker's multiplexed streams, so that output frames (1 and 2) pass through untouched.
 */
export interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** The launcher's frames; `native/frames.h` holds the same numbers. */
export const launcherFrames = {
  plan: 0x10,
  /** Index of a step of the `before` stage (u32, big-endian) and the bytes that it returned. */
  result: 0x20,
  /** The plan is finished; payload: the process's wait status (u32, big-endian) where the plan had one, else nothing. */
  done: 0x21,
  /** JSON `{pid, startedAtNs}`. */
  started: 0x22,
  /** JSON of PlanFailure. */
  failed: 0x23,
} as const;

export const FRAME_HEADER_SIZE = 8;

/** No peer sends more in one frame; what claims to is not speaking this protocol. */
export const FRAME_PAYLOAD_LIMIT = 16 * 1024 * 1024;

/** A whole frame; `payload` is copied. */
export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_SIZE + payload.length);
  writeFrameHeader(frame, type, payload.length);
  frame.set(payload, FRAME_HEADER_SIZE);
  return frame;
}

/** Writes a header into the first eight bytes of `target`, for payloads that are built in place. */
export function writeFrameHeader(target: Uint8Array, type: number, size: number): void {
  target.fill(0, 0, 4);
  target[0] = type;
  new DataView(target.buffer, target.byteOffset).setUint32(4, size);
}

/** Cuts a byte stream into frames, however it was chunked. */
export class FrameReader {
  /** The start of a frame whose end has not come yet. Joined only when it can make progress, so that many chunks cost one copy. */
  #chunks: Uint8Array[] = [];
  #size = 0;
  #wanted = FRAME_HEADER_SIZE;

  /**
   * The frames that `chunk` completes. A payload is a view of the chunk where it lies whole in it, so it must be used or copied
   * before the chunk's memory is. Throws `data-loss` on a stream that is not made of frames.
   */
  *push(chunk: Uint8Array): Generator<Frame, void, void> {
    this.#keep(chunk);
    while (this.#size >= this.#wanted) {
      const bytes = joined(this.#chunks, this.#size);
      this.#wanted = frameSize(bytes);
      this.#chunks = [bytes];
      if (bytes.length < this.#wanted) return;
      const frame = { type: bytes[0] ?? 0, payload: bytes.subarray(FRAME_HEADER_SIZE, this.#wanted) };
      this.#restart(bytes.subarray(this.#wanted));
      yield frame;
    }
  }

  /** True between frames: where a stream may end. */
  get empty(): boolean {
    return this.#size === 0;
  }

  #restart(rest: Uint8Array): void {
    this.#chunks = [];
    this.#size = 0;
    this.#wanted = FRAME_HEADER_SIZE;
    this.#keep(rest);
  }

  #keep(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.#size += chunk.length;
  }
}

/** Size of the frame that starts with `bytes`, of which the header is whole. */
function frameSize(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const size = view.getUint32(4);
  if ((view.getUint32(0) & 0xffffff) !== 0 || size > FRAME_PAYLOAD_LIMIT) {
    throw new SampanError('data-loss', 'the launcher or supervisor sent something that is no frame');
  }
  return FRAME_HEADER_SIZE + size;
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
