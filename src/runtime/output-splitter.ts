import { SampanError } from '../base/errors.ts';
import { FRAME_HEADER_SIZE, FRAME_PAYLOAD_LIMIT, type Frame } from './frames.ts';
import { supervisorFrames } from './supervisor-protocol.ts';

/** Takes what a splitter finds. */
export interface SplitterEvents {
  /** Output frames, or parts of them, as they came. */
  output(bytes: Uint8Array): void;
  /** Any other frame, whole. */
  notice(frame: Frame): void;
}

/** Separates an attachment's output, which passes through untouched, from the supervisor's notices between it. */
export class OutputSplitter {
  readonly #events: SplitterEvents;
  /** What has come of a header that is not output's, or that was cut by the end of a chunk. */
  readonly #header = new Uint8Array(FRAME_HEADER_SIZE);
  #headerSize = 0;
  /** Bytes that are still to come of an output frame. */
  #outputLeft = 0;
  #notice: Frame | undefined;
  #noticeSize = 0;

  constructor(events: SplitterEvents) {
    this.#events = events;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#notice !== undefined) rest = this.#takeNotice(this.#notice, rest);
      else if (this.#outputLeft > 0 || (this.#headerSize === 0 && outputFrameSize(rest, 0) > 0)) {
        rest = this.#takeOutput(rest);
      } else rest = this.#takeHeader(rest);
    }
  }

  /** Passes on as many neighbouring output frames as there are. */
  #takeOutput(bytes: Uint8Array): Uint8Array {
    let end = 0;
    while (end < bytes.length) {
      if (this.#outputLeft === 0) this.#outputLeft = outputFrameSize(bytes, end);
      if (this.#outputLeft === 0) break;
      const taken = Math.min(this.#outputLeft, bytes.length - end);
      this.#outputLeft -= taken;
      end += taken;
    }
    this.#events.output(bytes.subarray(0, end));
    return bytes.subarray(end);
  }

  #takeHeader(bytes: Uint8Array): Uint8Array {
    const taken = Math.min(FRAME_HEADER_SIZE - this.#headerSize, bytes.length);
    this.#header.set(bytes.subarray(0, taken), this.#headerSize);
    this.#headerSize += taken;
    if (this.#headerSize === FRAME_HEADER_SIZE) this.#beginPayload();
    return bytes.subarray(taken);
  }

  #beginPayload(): void {
    const size = payloadSize(this.#header, 0);
    this.#headerSize = 0;
    if (outputFrameSize(this.#header, 0) > 0) {
      this.#outputLeft = size;
      this.#events.output(this.#header.slice());
      return;
    }
    if (size > FRAME_PAYLOAD_LIMIT) {
      throw new SampanError('data-loss', 'the supervisor sent something that is no frame');
    }
    const notice = { type: this.#header[0] ?? 0, payload: new Uint8Array(size) };
    if (size === 0) this.#events.notice(notice);
    else this.#notice = notice;
  }

  #takeNotice(notice: Frame, bytes: Uint8Array): Uint8Array {
    const taken = Math.min(notice.payload.length - this.#noticeSize, bytes.length);
    notice.payload.set(bytes.subarray(0, taken), this.#noticeSize);
    this.#noticeSize += taken;
    if (this.#noticeSize === notice.payload.length) {
      this.#notice = undefined;
      this.#noticeSize = 0;
      this.#events.notice(notice);
    }
    return bytes.subarray(taken);
  }
}

/** Size, with its header, of the output frame whose whole header is at `offset`; 0 if there is none. */
function outputFrameSize(bytes: Uint8Array, offset: number): number {
  if (bytes.length - offset < FRAME_HEADER_SIZE) return 0;
  const type = bytes[offset];
  if (type !== supervisorFrames.stdout && type !== supervisorFrames.stderr) return 0;
  return FRAME_HEADER_SIZE + payloadSize(bytes, offset);
}

function payloadSize(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + offset).getUint32(4);
}
