/** What was measured of one daemon, or of the kernel: milliseconds and megabytes by row. */
export type Figures = Map<string, number>;

/** Prints the rows of `sampan` beside the others', with the ratios. */
export function printFigures(
  kernel: Figures | undefined,
  sampan: Figures,
  docker: Figures | undefined,
): void {
  const show = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));
  const ratio = (a: number | undefined, b: number | undefined): string =>
    a === undefined || b === undefined ? '-' : (a / b).toFixed(2);
  const rows = [...sampan].map(([row, value]) => [
    row,
    show(value),
    show(kernel?.get(row)),
    ratio(value, kernel?.get(row)),
    show(docker?.get(row)),
    ratio(docker?.get(row), value),
  ]);
  const table = [['ms (or MB)', 'sampan', 'kernel', 'times kernel', 'dockerd', 'dockerd / sampan'], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of table)
    console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
