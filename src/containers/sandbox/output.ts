import type { SandboxRequest } from './contract.ts';

const FRAME_HEAD = 8;
const STDERR = 2;

/**
 * Hands on what a process writes, each stream's bytes as they came and no faster than they are taken. What comes once the run is given up is
 * dropped, so that a reader that has gone does not hold up the end.
 */
export async function passOutput(
  frames: AsyncIterable<Uint8Array>,
  onOutput: SandboxRequest['onOutput'],
  signal: AbortSignal,
): Promise<void> {
  const reader = new FrameReader();
  for await (const chunk of frames) {
    for (const { stream, bytes } of reader.read(chunk)) {
      if (signal.aborted) break;
      const taken = onOutput(stream, bytes);
      if (taken !== undefined) await orAborted(taken, signal);
    }
  }
}

interface Output {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

/** Reads multiplexed frames in whole or in parts, and gives their bytes in as few pieces as they came in. */
class FrameReader {
  readonly #head = Buffer.alloc(FRAME_HEAD);
  #headSize = 0;
  /** Bytes of the present frame that are still to come. */
  #left = 0;
  #stream: Output['stream'] = 'stdout';

  *read(chunk: Uint8Array): Generator<Output, void, void> {
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#left === 0) rest = this.#readHead(rest);
      else {
        const bytes = rest.subarray(0, this.#left);
        this.#left -= bytes.length;
        rest = rest.subarray(bytes.length);
        yield { stream: this.#stream, bytes };
      }
    }
  }

  #readHead(bytes: Uint8Array): Uint8Array {
    const taken = Math.min(FRAME_HEAD - this.#headSize, bytes.length);
    this.#head.set(bytes.subarray(0, taken), this.#headSize);
    this.#headSize += taken;
    if (this.#headSize === FRAME_HEAD) {
      this.#headSize = 0;
      this.#left = this.#head.readUInt32BE(4);
      this.#stream = this.#head[0] === STDERR ? 'stderr' : 'stdout';
    }
    return bytes.subarray(taken);
  }
}

async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>();
  const resolve = (): void => aborted.resolve();
  signal.addEventListener('abort', resolve, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', resolve);
    // Nobody waits for it any more.
    work.catch(() => {});
  }
}
