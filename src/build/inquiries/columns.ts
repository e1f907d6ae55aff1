/** Rows as a table: columns are as wide as their widest cell, so many spaces apart; the last one is as it is. */
export function columns(rows: readonly (readonly string[])[], gap: number): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => Bun.stringWidth(row[column] ?? ''))),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = column === row.length - 1 ? 0 : (widths[column] ?? 0) + gap;
        return cell + ' '.repeat(Math.max(width - Bun.stringWidth(cell), 0));
      })
      .join(''),
  );
  return lines.map((line) => `${line}\n`).join('');
}
