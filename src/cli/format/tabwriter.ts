/**
 * Columns as Go's text/tabwriter aligns them: a cell ends with a tab; a column is a block of neighbouring lines that have the cell;
 * the last cell of a line belongs to no column.
 */
export interface TabOptions {
  readonly minWidth: number;
  readonly padding: number;
}

/** What Docker's tables use. */
export const tableTabs: TabOptions = { minWidth: 10, padding: 3 };
export const wideTabs: TabOptions = { minWidth: 20, padding: 3 };

export function alignTabs(text: string, options: TabOptions): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const output: string[] = [];
  alignBlock(lines, 0, lines.length, [], options, output);
  return output.join('\n');
}

function alignBlock(
  lines: readonly string[][],
  from: number,
  to: number,
  widths: readonly number[],
  options: TabOptions,
  output: string[],
): void {
  const column = widths.length;
  let written = from;
  let current = from;
  while (current < to) {
    if (!hasColumn(lines[current], column)) {
      current++;
      continue;
    }
    writeLines(lines, written, current, widths, output);
    written = current;
    let width = options.minWidth;
    for (; current < to && hasColumn(lines[current], column); current++) {
      width = Math.max(width, displayWidth(lines[current]?.[column] ?? '') + options.padding);
    }
    alignBlock(lines, written, current, [...widths, width], options, output);
    written = current;
  }
  writeLines(lines, written, to, widths, output);
}

function hasColumn(line: readonly string[] | undefined, column: number): boolean {
  return line !== undefined && column < line.length - 1;
}

function writeLines(
  lines: readonly string[][],
  from: number,
  to: number,
  widths: readonly number[],
  output: string[],
): void {
  for (const line of lines.slice(from, to)) {
    output.push(line.map((cell, index) => padCell(cell, widths[index])).join(''));
  }
}

function padCell(cell: string, width: number | undefined): string {
  return width === undefined ? cell : cell + ' '.repeat(Math.max(0, width - displayWidth(cell)));
}

/** Columns on a terminal: wide East Asian characters take two. */
export function displayWidth(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) > 0x7e) return Bun.stringWidth(text, { countAnsiEscapeCodes: true });
  }
  return text.length;
}
