const templateLines = `'json':             Print in JSON format
'TEMPLATE':         Print through the given Go template.
See https://docs.docker.com/go/formatting/ for how templates are written`;

/** What help pages say of `--format`. */
export function formatUsage(kind: 'list' | 'object'): string {
  if (kind === 'object') return `Shape of the output:\n${templateLines}`;
  return `Shape of the output:
'table':            Columns under headings (default)
'table TEMPLATE':   Columns by the given Go template
${templateLines}`;
}
