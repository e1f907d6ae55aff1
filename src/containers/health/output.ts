/** Docker keeps so much of what a check says. */
const MAX_BYTES = 4096;
const FRAME_HEAD = 8;

/** The first bytes of what a process writes to both streams; all of it is read, so that the process never waits. */
export function collectOutput(frames: AsyncIterable<Uint8Array> | undefined): {
  readonly ended: Promise<void>;
  text(): string;
} {
  const reader = new OutputReader();
  async function read(): Promise<void> {
    for await (const part of frames ?? []) reader.take(part);
  }
  return { ended: read().catch(() => {}), text: () => reader.text };
}

/** Takes multiplexed frames in whole or in parts. */
class OutputReader {
  readonly #kept: Uint8Array[] = [];
  #size = 0;
  #isCut = false;
  #head = Buffer.alloc(0);
  /** Bytes of the present frame that are still to come. */
  #left = 0;

  get text(): string {
    return `${Buffer.concat(this.#kept)}${this.#isCut ? '...' : ''}`;
  }

  take(part: Uint8Array): void {
    for (let rest = part; rest.length > 0; ) {
      const taken = this.#left === 0 ? this.#takeHead(rest) : this.#takeBytes(rest);
      rest = rest.subarray(taken);
    }
  }

  #takeHead(bytes: Uint8Array): number {
    const taken = Math.min(FRAME_HEAD - this.#head.length, bytes.length);
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, taken)]);
    if (this.#head.length === FRAME_HEAD) {
      this.#left = this.#head.readUInt32BE(4);
      this.#head = Buffer.alloc(0);
    }
    return taken;
  }

  #takeBytes(bytes: Uint8Array): number {
    const taken = Math.min(this.#left, bytes.length);
    const kept = bytes.slice(0, Math.min(taken, MAX_BYTES - this.#size));
    if (kept.length > 0) this.#kept.push(kept);
    if (kept.length < taken) this.#isCut = true;
    this.#size += kept.length;
    this.#left -= taken;
    return taken;
  }
}
