import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of the directories right below `directory` that something is mounted on, in this mount namespace (proc(5), mountinfo). */
export function mountPointsBelow(directory: string): Set<string> {
  const prefix = join(directory, '/');
  const names = new Set<string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const field = line.split(' ', 5)[4];
    if (field === undefined) continue;
    const path = Buffer.from(decodeOctal(field), 'latin1').toString('utf8');
    if (path.startsWith(prefix)) names.add(path.slice(prefix.length));
  }
  return names;
}

/** The kernel writes blanks and backslashes as octal numbers. */
function decodeOctal(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
