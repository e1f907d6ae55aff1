import type { ProgressMessage } from '../../wire/messages.ts';
import { isMoving, progressLine } from './bar.ts';
import { LiveLines, type Screen } from './live-lines.ts';

/** Between two pictures, in milliseconds: faster than this nobody reads. */
const INTERVAL = 50;

interface Row {
  message: ProgressMessage;
  /** When it last changed, in steps of the board. */
  changed: number;
}

/** Lines on a terminal that are redrawn in place, one per layer. */
export class ProgressBoard {
  readonly #screen: Screen;
  readonly #live: LiveLines;
  #rows = new Map<string, Row>();
  #steps = 0;
  #isClosed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#live = new LiveLines(screen);
  }

  /** Sets the line of the message's ID. */
  update(message: ProgressMessage): void {
    if (this.#isClosed) return;
    this.#rows.set(message.id ?? '', { message, changed: ++this.#steps });
    this.#timer ??= setTimeout(() => this.redraw(), this.#live.isDrawn ? INTERVAL : 0);
  }

  redraw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#rows.size === 0) return;
    this.#live.draw(this.#picture());
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
    this.#live.leave([...this.#rows.values()].map(({ message }) => progressLine(message, columns - 1)));
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
