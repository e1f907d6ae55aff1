/** Where something is drawn. */
export interface Screen {
  print(text: string): void;
  /** Asked anew for each picture: terminals change their size. */
  size(): { readonly rows: number; readonly columns: number };
}

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_TO_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/**
 * Lines on a terminal that are redrawn in place. A picture is one write over the one before, so nothing flickers. Between pictures the
 * cursor waits, unseen, on the first line: wherever a change of the terminal's size moves that line to, the next picture starts there.
 */
export class LiveLines {
  readonly #screen: Screen;
  #isDrawn = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get isDrawn(): boolean {
    return this.#isDrawn;
  }

  /** No more lines than the terminal has, and none wider than it is: one that wrapped would shift all others. */
  draw(lines: readonly string[]): void {
    const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : '';
    const picture = lines.map((line) => line + CLEAR_TO_LINE_END).join('\r\n');
    this.#screen.print(`${this.#isDrawn ? '' : HIDE_CURSOR}\r${picture}${CLEAR_BELOW}\r${up}`);
    this.#isDrawn = true;
  }

  /** Leaves these lines, of any number, with the cursor seen again below them. */
  leave(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${CLEAR_TO_LINE_END}\r\n`).join('');
    this.#screen.print(`\r${text}${CLEAR_BELOW}${this.#isDrawn ? SHOW_CURSOR : ''}`);
    this.#isDrawn = false;
  }
}
