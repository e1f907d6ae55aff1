import { DockerfileError } from './errors.ts';

type Token =
  /** One character, of these or (negated) of all others; "/" is never among them unless it is named. */
  | { readonly kind: 'one'; readonly takes: (char: string) => boolean }
  /** `*`: any characters but "/". */
  | { readonly kind: 'any' }
  /** `**`: any characters. */
  | { readonly kind: 'deep' }
  /** `**` before more: nothing, or anything up to a "/". */
  | { readonly kind: 'directories' };

/** A path pattern: Go's `filepath.Match` with `**`, as .dockerignore and COPY have it. */
export type PathPattern = readonly Token[];

/** Fails with DockerfileError "syntax error in pattern". `deep` tells whether `**` goes over directories or is just `*`. */
export function parsePathPattern(text: string, deep: boolean): PathPattern {
  const tokens: Token[] = [];
  const chars = [...text];
  for (let index = 0; index < chars.length; index++) {
    const char = chars[index] ?? '';
    if (char === '*' && deep && chars[index + 1] === '*') {
      index += chars[index + 2] === '/' ? 2 : 1;
      tokens.push({ kind: index + 1 >= chars.length ? 'deep' : 'directories' });
    } else if (char === '*') {
      tokens.push({ kind: 'any' });
    } else if (char === '?') {
      tokens.push({ kind: 'one', takes: (other) => other !== '/' });
    } else if (char === '[') {
      const { takes, end } = parseClass(chars, index);
      tokens.push({ kind: 'one', takes });
      index = end;
    } else {
      const literal = char === '\\' ? chars[++index] : char;
      if (literal === undefined) throw syntaxError(text);
      tokens.push({ kind: 'one', takes: (other) => other === literal });
    }
  }
  return tokens;
}

/** Whether a pattern matches all of a path. Takes no longer than the product of their lengths. */
export function matchesPath(pattern: PathPattern, path: string): boolean {
  let states = closure(pattern, new Set([0]), true);
  for (const char of path) {
    if (states.size === 0) return false;
    const next = new Set<number>();
    for (const state of states) {
      const token = pattern[state];
      if (token === undefined) continue;
      if (token.kind === 'one') {
        if (token.takes(char)) next.add(state + 1);
      } else if (token.kind !== 'any' || char !== '/') {
        next.add(state);
      }
    }
    states = closure(pattern, next, char === '/');
  }
  return states.has(pattern.length);
}

/** Whether a pattern is more than a plain path. */
export function hasWildcards(text: string): boolean {
  return /[*?[\\]/.test(text);
}

/** Adds what can be reached without a character; `atName`: the next character begins a name. */
function closure(pattern: PathPattern, states: Set<number>, atName: boolean): Set<number> {
  for (const state of states) {
    const kind = pattern[state]?.kind;
    if (kind === 'any' || kind === 'deep' || (kind === 'directories' && atName)) states.add(state + 1);
  }
  return states;
}

function parseClass(
  chars: readonly string[],
  start: number,
): { takes: (char: string) => boolean; end: number } {
  let index = start + 1;
  const isNegated = chars[index] === '^' || chars[index] === '!';
  if (isNegated) index++;
  const ranges: [string, string][] = [];
  const literal = (): string => {
    const char = chars[index] === '\\' ? chars[++index] : chars[index];
    if (char === undefined) throw syntaxError(chars.join(''));
    index++;
    return char;
  };
  while (chars[index] !== ']' || ranges.length === 0) {
    const low = literal();
    const isRange = chars[index] === '-' && chars[index + 1] !== ']';
    if (isRange) index++;
    ranges.push([low, isRange ? literal() : low]);
  }
  const isIn = (char: string): boolean => ranges.some(([low, high]) => low <= char && char <= high);
  return { takes: (char) => char !== '/' && isIn(char) !== isNegated, end: index };
}

function syntaxError(text: string): DockerfileError {
  return new DockerfileError(`syntax error in pattern ${JSON.stringify(text)}`);
}
