import type { ProgressMessage } from '../../wire/messages.ts';
import { isMoving, progressLine } from './bar.ts';

/** Where a board is drawn. */
export interface Screen {
  print(text: string): void;
  /** Asked anew for each picture: terminals change their size. */
  size(): { readonly rows: number; readonly columns: number };
}

/** Between two pictures, in milliseconds: faster than this nobody reads. */
const INTERVAL = 50;

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_TO_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

interface Row {
  message: ProgressMessage;
  /** When it last changed, in steps of the board. */
  changed: number;
}

/**
 * Lines on a terminal that are redrawn in place, one per layer. A picture is one write over the one before, so nothing flickers. Between
 * pictures the cursor waits, unseen, on the first line: wherever a change of the terminal's size moves that line to, the next picture
 * starts there.
 */
export class ProgressBoard {
  readonly #screen: Screen;
  #rows = new Map<string, Row>();
  #steps = 0;
  #isDrawn = false;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Sets the line of the message's ID. */
  update(message: ProgressMessage): void {
    if (this.#isClosed) return;
    this.#rows.set(message.id ?? '', { message, changed: ++this.#steps });
    this.#timer ??= setTimeout(() => this.redraw(), this.#isDrawn ? INTERVAL : 0);
  }

  redraw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rows.size === 0) return;
    const lines = this.#picture();
    const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : '';
    const picture = lines.map((line) => line + CLEAR_TO_LINE_END).join('\r\n');
    this.#screen.print(`${this.#isDrawn ? '' : HIDE_CURSOR}\r${picture}${CLEAR_BELOW}\r${up}`);
    this.#isDrawn = true;
  }

  /** Leaves the lines as they are now, all of them, and begins anew below. The cursor is seen again. */
  settle(): void {
    this.pause();
    this.#rows = new Map();
  }

  /** The same for a while: the next picture shows these lines again. */
  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rows.size === 0) return;
    const { columns } = this.#screen.size();
    const lines = [...this.#rows.values()].map(({ message }) => progressLine(message, columns - 1));
    const text = lines.map((line) => `${line}${CLEAR_TO_LINE_END}\r\n`).join('');
    this.#screen.print(`\r${text}${CLEAR_BELOW}${this.#isDrawn ? SHOW_CURSOR : ''}`);
    this.#isDrawn = false;
  }

  /** Settles for good: whatever still comes is not shown. */
  close(): void {
    this.settle();
    this.#isClosed = true;
  }

  /** No more lines than the terminal has, and none wider than it is: one that wrapped would shift all others. */
  #picture(): string[] {
    const { rows, columns } = this.#screen.size();
    const all = [...this.#rows.values()];
    const room = Math.max(rows - 1, 1);
    if (all.length <= room) return all.map(({ message }) => progressLine(message, columns - 1));
    const shown = new Set(all.toSorted(byInterest).slice(0, room - 1));
    const lines = all
      .filter((row) => shown.has(row))
      .map(({ message }) => progressLine(message, columns - 1));
    return [...lines, `and ${all.length - shown.size} more`.slice(0, columns - 1)];
  }
}

/** What moves first, then what changed last. */
function byInterest(left: Row, right: Row): number {
  const moves =
    Number(isMoving(right.message.progressDetail)) - Number(isMoving(left.message.progressDetail));
  return moves || right.changed - left.changed;
}
