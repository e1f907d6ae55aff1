/** One line of comma-separated fields as Go's encoding/csv reads it. Throws an Error in its words. */
export function parseCsvLine(text: string): string[] {
  const line = text.split(/\r?\n/, 1)[0] ?? '';
  if (line === '') throw new Error('EOF');
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      const { field, end } = quotedField(line, at);
      fields.push(field);
      at = end;
    } else {
      const comma = line.indexOf(',', at);
      const field = line.slice(at, comma < 0 ? undefined : comma);
      const quote = field.indexOf('"');
      if (quote >= 0)
        throw new Error(`parse error on line 1, column ${at + quote + 1}: bare " in non-quoted field`);
      fields.push(field);
      at = comma < 0 ? line.length : comma;
    }
    if (at >= line.length) return fields;
    at++;
  }
}

function quotedField(line: string, start: number): { field: string; end: number } {
  let field = '';
  let at = start + 1;
  for (;;) {
    const quote = line.indexOf('"', at);
    if (quote < 0) {
      throw new Error(
        `parse error on line 1, column ${line.length + 1}: extraneous or missing " in quoted-field`,
      );
    }
    field += line.slice(at, quote);
    if (line[quote + 1] === '"') {
      field += '"';
      at = quote + 2;
      continue;
    }
    if (quote + 1 < line.length && line[quote + 1] !== ',') {
      throw new Error(`parse error on line 1, column ${quote + 2}: extraneous or missing " in quoted-field`);
    }
    return { field, end: quote + 1 };
  }
}
