import { afterEach, describe, expect, test } from 'bun:test';
import { ProgressBoard } from './board.ts';
import type { Screen } from './live-lines.ts';

/** As much of a terminal as a board needs. */
class Terminal implements Screen {
  rows: number;
  columns: number;
  lines: string[] = [''];
  row = 0;
  column = 0;
  isCursorSeen = true;
  writes = 0;

  constructor(rows: number, columns: number) {
    this.rows = rows;
    this.columns = columns;
  }

  size(): { rows: number; columns: number } {
    return { rows: this.rows, columns: this.columns };
  }

  print(text: string): void {
    this.writes++;
    for (const [token] of text.matchAll(/\x1b\[\??\d*[A-Za-z]|[\s\S]/g)) this.#take(token);
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

let board: ProgressBoard;
afterEach(() => board.close());

const moving = (id: string, current: number, status = 'Downloading') => ({
  id,
  status,
  progressDetail: { current, total: 1_000_000 },
});
const state = (id: string, status: string) => ({ id, status, progressDetail: {} });

describe('a board', () => {
  test('redraws lines in place, in one write each time', () => {
    const terminal = new Terminal(24, 60);
    board = new ProgressBoard(terminal);
    board.update(state('a', 'Waiting'));
    board.update(state('b', 'Pulling fs layer'));
    board.redraw();
    board.update(moving('a', 500_000));
    board.redraw();
    expect(terminal.text).toBe(
      'a: Downloading [============>            ]    500kB/1MB\nb: Pulling fs layer',
    );
    expect(terminal.writes).toBe(2);
    expect([terminal.row, terminal.column, terminal.isCursorSeen]).toEqual([0, 0, false]);
  });

  test('leaves all lines and the cursor below them when it settles', () => {
    const terminal = new Terminal(4, 60);
    board = new ProgressBoard(terminal);
    for (let index = 0; index < 9; index++) board.update(state(`l${index}`, 'Pull complete'));
    board.redraw();
    expect(terminal.text.split('\n')).toEqual(['l7: Pull complete', 'l8: Pull complete', 'and 7 more']);
    board.settle();
    expect(terminal.text.split('\n')).toHaveLength(9);
    expect([terminal.row, terminal.isCursorSeen]).toEqual([9, true]);
  });

  test('shows what moves when there are more lines than rows', () => {
    const terminal = new Terminal(4, 60);
    board = new ProgressBoard(terminal);
    for (let index = 0; index < 9; index++) board.update(state(`l${index}`, 'Waiting'));
    board.update(moving('l2', 1));
    board.update(state('l5', 'Verifying Checksum'));
    board.redraw();
    expect(terminal.text).toMatch(/^l2: Downloading .*\nl5: Verifying Checksum\nand 7 more$/);
  });

  test('follows the size of the terminal', () => {
    const terminal = new Terminal(24, 100);
    board = new ProgressBoard(terminal);
    board.update(moving('a', 300_000));
    board.redraw();
    terminal.columns = 30;
    board.redraw();
    expect(terminal.text).toBe('a: Downloading    300kB/1MB');
    terminal.columns = 8;
    board.redraw();
    expect(terminal.text).toBe('a: Dow…');
    terminal.rows = 1;
    board.update(state('b', 'Waiting'));
    board.redraw();
    expect(terminal.text).toBe('and 2 m');
  });

  test('begins anew below what has settled', () => {
    const terminal = new Terminal(24, 60);
    board = new ProgressBoard(terminal);
    board.update(state('a', 'Pushed'));
    board.settle();
    board.update(state('a', 'Waiting'));
    board.redraw();
    expect(terminal.text).toBe('a: Pushed\na: Waiting');
  });

  test('shows its lines again below when it goes on after a pause', () => {
    const terminal = new Terminal(24, 60);
    board = new ProgressBoard(terminal);
    board.update(state('a', 'Waiting'));
    board.redraw();
    board.pause();
    expect([terminal.text, terminal.isCursorSeen]).toEqual(['a: Waiting', true]);
    board.redraw();
    expect([terminal.text, terminal.isCursorSeen]).toEqual(['a: Waiting\na: Waiting', false]);
  });

  test('shows nothing after it was closed', () => {
    const terminal = new Terminal(24, 60);
    board = new ProgressBoard(terminal);
    board.close();
    board.update(state('a', 'Waiting'));
    board.redraw();
    expect(terminal.writes).toBe(0);
  });
});
