import { afterEach, describe, expect, test } from 'bun:test';
import { ProgressBoard } from './board.ts';
import { Terminal } from './testing/terminal.ts';

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
