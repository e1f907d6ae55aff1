import { DockerfileError } from './errors.ts';

/** What the first lines of a Dockerfile say about how it is to be read. */
export interface Directives {
  /** The front end that the author had in mind, with its arguments. */
  readonly syntax: string | undefined;
  readonly escape: '\\' | '`';
  /** How lint rules are to be applied: "skip=A,B;error=true". */
  readonly check: string | undefined;
}

const known = new Set(['syntax', 'escape', 'check']);

/** Reads `# name=value` lines up to the first line that is none. */
export function readDirectives(lines: readonly string[]): Directives {
  const found = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    if (index === 0 && line.startsWith('#!')) continue;
    const [, name = '', value = ''] = /^\s*#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*$/.exec(line) ?? [];
    const key = name.toLowerCase();
    if (!known.has(key)) break;
    const position = { first: index + 1, last: index + 1 };
    if (found.has(key))
      throw new DockerfileError(`only one ${key} parser directive can be used`, position, 'syntax');
    if (key === 'escape' && value !== '\\' && value !== '`') {
      throw new DockerfileError(
        `invalid escape token '${value}' does not match \` or \\`,
        position,
        'syntax',
      );
    }
    found.set(key, value);
  }
  return {
    syntax: found.get('syntax'),
    escape: found.get('escape') === '`' ? '`' : '\\',
    check: found.get('check'),
  };
}
