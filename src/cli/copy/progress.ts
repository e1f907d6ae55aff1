import { humanSize } from '../../wire/sizes.ts';
import type { Io } from '../io.ts';

/** Milliseconds between two looks at how far it is. */
const INTERVAL = 75;

/** As Docker shows it: three digits. */
const sizeText = (bytes: number): string => humanSize(bytes, 3);

/** Counts a copy's bytes and shows them on standard error, in place on a terminal, and at the end once. */
export class CopyProgress implements Disposable {
  #bytes = 0;
  #shown = -1;
  readonly #io: Io;
  readonly #heading: string;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  constructor(io: Io, heading: string, quiet: boolean) {
    this.#io = io;
    this.#heading = heading;
    if (quiet || io.terminalSize('err') === undefined) return;
    this.#show();
    this.#timer = setInterval(() => this.#show(), INTERVAL);
  }

  /** The same bytes, counted as they are taken. */
  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of source) {
      this.#bytes += chunk.length;
      yield chunk;
    }
  }

  /** The sentence for the end of a copy. */
  summary(destination: string): string {
    return `Successfully copied ${sizeText(this.#bytes)} to ${destination}\n`;
  }

  /** Ends the display and leaves its line empty. */
  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#io.err('\r\x1b[2K');
  }

  #show(): void {
    if (this.#bytes === this.#shown) return;
    this.#shown = this.#bytes;
    this.#io.err(`\r\x1b[2K${this.#heading} - ${sizeText(this.#bytes)}`);
  }
}
