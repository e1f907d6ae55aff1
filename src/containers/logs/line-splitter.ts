/** No record that the supervisor writes comes near it (16 KiB of output, escaped); a longer line is damage, and is skipped. */
const LINE_LIMIT = 1 << 20;

const NEWLINE = 0x0a;

/** Cuts bytes into lines, without their ends; what is left after the last newline waits for more. */
export class LineSplitter {
  #rest: Buffer[] = [];
  #restSize = 0;
  #skipping = false;

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#finish(chunk.subarray(start, end));
      start = end + 1;
      if (line !== undefined) lines.push(line);
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  #finish(tail: Buffer): string | undefined {
    const skipped = this.#skipping;
    const line = this.#restSize === 0 ? tail : Buffer.concat([...this.#rest, tail]);
    this.#rest = [];
    this.#restSize = 0;
    this.#skipping = false;
    return skipped ? undefined : line.toString('utf8');
  }

  #keep(part: Buffer): void {
    if (this.#restSize + part.length > LINE_LIMIT) {
      this.#skipping = true;
      this.#rest = [];
      this.#restSize = 0;
    }
    if (this.#skipping) return;
    // The chunk's memory is used again for the next read.
    this.#rest.push(Buffer.from(part));
    this.#restSize += part.length;
  }
}
