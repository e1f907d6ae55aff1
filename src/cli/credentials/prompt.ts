import { CommandError } from '../command-error.ts';
import type { Io } from '../io.ts';

/** What Ctrl-C ends with (128 + SIGINT). */
const INTERRUPTED = 130;
const MAX_LINE = 64 * 1024;

/** Questions on a terminal. Both answers may come at once, when they are pasted; none is lost. */
export class Prompt {
  readonly #io: Io;
  readonly #decoder = new TextDecoder();
  #input: AsyncIterator<Uint8Array> | undefined;
  #pending = '';

  constructor(io: Io) {
    this.#io = io;
  }

  /** The trimmed line; empty at the end of input. */
  async ask(question: string): Promise<string> {
    this.#io.out(question);
    for (;;) {
      const end = this.#pending.search(/[\r\n]/);
      if (end >= 0 || !(await this.#more())) return this.#take(end);
    }
  }

  /** The same unseen. Ctrl-C throws CommandError; the terminal is as before however this ends. */
  async askSecret(question: string): Promise<string> {
    const restore = this.#io.rawMode();
    try {
      this.#io.out(question);
      return await this.#secretLine();
    } finally {
      restore();
      this.#io.out('\n');
    }
  }

  async close(): Promise<void> {
    await this.#input?.return?.();
  }

  /** Does what the terminal does no longer: erases, ends, interrupts. */
  async #secretLine(): Promise<string> {
    let line: string[] = [];
    for (;;) {
      const keys = [...this.#pending];
      for (const [index, key] of keys.entries()) {
        this.#pending = keys.slice(index + 1).join('');
        if (key === '\r' || key === '\n') return line.join('').trim();
        if (key === '\x03') throw new CommandError('', INTERRUPTED);
        if (key === '\x04' && line.length === 0) return '';
        if (key === '\x7f' || key === '\b') line.pop();
        else if (key === '\x15') line = [];
        else if (key >= ' ') line.push(key);
      }
      this.#pending = '';
      if (line.length > MAX_LINE || !(await this.#more())) return line.join('').trim();
    }
  }

  #take(end: number): string {
    const line = end < 0 ? this.#pending : this.#pending.slice(0, end);
    this.#pending = end < 0 ? '' : this.#pending.slice(end + 1);
    return line.trim();
  }

  /** False at the end of input. */
  async #more(): Promise<boolean> {
    this.#input ??= this.#io.stdin()[Symbol.asyncIterator]();
    const { value, done } = await this.#input.next();
    if (done || this.#pending.length > MAX_LINE) return false;
    this.#pending += this.#decoder.decode(value, { stream: true });
    return true;
  }
}
