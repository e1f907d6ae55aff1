import { changeFlags } from '../../src/cli/container/update-changes.ts';

/** Flags that docker shows and Sampan has not. */
const notOffered = new Set(['      --cluster']);

/** Flags that Sampan has and docker has not, by page. */
export const added: Readonly<Record<string, ReadonlySet<string>>> = {
  port: new Set(['verbose']),
  update: new Set(Object.keys(changeFlags)),
};

/** A help page without its sentences: usage, aliases, and the left column of options. */
export function layoutOf(page: string, without: ReadonlySet<string> = new Set()): string {
  const lines = page.split('\n');
  const start = lines.indexOf('Options:');
  const aliases = lines.indexOf('Aliases:');
  const options = start < 0 ? [] : lines.slice(start + 1).flatMap((line) => optionOf(line, without));
  return [lines[0], ...(aliases < 0 ? [] : lines.slice(aliases, aliases + 2)), ...options].join('\n');
}

function optionOf(line: string, without: ReadonlySet<string>): string[] {
  const match = /^ {2}(?:-\w, | {4})--([\w-]+)(?: [\w-]+)?(?= {2,}|$)/.exec(line);
  if (match === null || notOffered.has(match[0]) || without.has(match[1] ?? '')) return [];
  return [match[0]];
}
