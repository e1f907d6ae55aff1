/** Flags that docker shows and Sampan has not. */
const notOffered = new Set(['      --tree', '      --cluster']);

/** A help page without its sentences: usage, aliases, and the left column of options. */
export function layoutOf(page: string): string {
  const lines = page.split('\n');
  const start = lines.indexOf('Options:');
  const aliases = lines.indexOf('Aliases:');
  const options = start < 0 ? [] : lines.slice(start + 1).flatMap((line) => optionOf(line));
  return [lines[0], ...(aliases < 0 ? [] : lines.slice(aliases, aliases + 2)), ...options].join('\n');
}

function optionOf(line: string): string[] {
  const match = /^ {2}(?:-\w, | {4})--[\w-]+(?: [\w-]+)?(?= {2,}|$)/.exec(line);
  return match === null || notOffered.has(match[0]) ? [] : [match[0]];
}
