import type { Screen } from '../live-lines.ts';

/** As much of a terminal as progress displays need. */
export class Terminal implements Screen {
  rows: number;
  columns: number;
  lines: string[] = [''];
  row = 0;
  column = 0;
  isCursorSeen = true;
  writes = 0;
  readonly colours = new Set<string>();

  constructor(rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
  }

  size(): { rows: number; columns: number } {
    return { rows: this.rows, columns: this.columns };
  }

  print(text: string): void {
    this.writes++;
    for (const [token] of text.matchAll(/\x1b\[\??\d*[A-Za-z]|[\s\S]/gu)) this.#take(token);
  }

  /** What is seen, without the empty lines below. */
  get text(): string {
    return this.lines.join('\n').trimEnd();
  }

  #take(token: string): void {
    const line = this.lines[this.row] ?? '';
    if (token === '\r') this.column = 0;
    else if (token === '\n') {
      this.row++;
      this.lines[this.row] ??= '';
    } else if (token === '\x1b[K') this.lines[this.row] = line.slice(0, this.column);
    else if (token === '\x1b[J') {
      this.lines[this.row] = line.slice(0, this.column);
      this.lines.length = this.row + 1;
    } else if (/^\x1b\[\d+A$/.test(token)) this.row -= Number(token.slice(2, -1));
    else if (token === '\x1b[?25l') this.isCursorSeen = false;
    else if (token === '\x1b[?25h') this.isCursorSeen = true;
    else if (/^\x1b\[\d+m$/.test(token)) this.colours.add(token);
    else {
      if (this.column >= this.columns) throw new Error('a line is wider than the terminal');
      this.lines[this.row] =
        line.padEnd(this.column).slice(0, this.column) + token + line.slice(this.column + 1);
      this.column++;
    }
    // Lines above the screen can no longer be reached.
    if (this.row < this.lines.length - this.rows) throw new Error('the cursor left the screen');
  }
}
