import { DockerfileError } from './errors.ts';

type Token =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'char'; readonly char: string };

/** A pattern of the shell's parameter expansion: `*`, `?`, and both or a backslash behind a backslash. */
export type Pattern = readonly Token[];

export function parsePattern(text: string): Pattern {
  const tokens: Token[] = [];
  const chars = [...text];
  for (let index = 0; index < chars.length; index++) {
    const char = chars[index] ?? '';
    if (char === '*') tokens.push({ kind: 'any' });
    else if (char === '?') tokens.push({ kind: 'one' });
    else if (char !== '\\') tokens.push({ kind: 'char', char });
    else {
      const escaped = chars[++index] ?? '';
      if (!['*', '?', '\\'].includes(escaped)) throw new DockerfileError(`invalid escape '\\${escaped}'`);
      tokens.push({ kind: 'char', char: escaped });
    }
  }
  return tokens;
}

/**
 * How many characters from `start` on the pattern can match: the least and the most, or undefined when it does not match. All states are
 * followed at once, so that no pattern takes more than its length times the text's.
 */
export function matchFrom(
  pattern: Pattern,
  text: readonly string[],
  start: number,
): { readonly least: number; readonly most: number } | undefined {
  let states = closure(pattern, new Set([0]));
  let least: number | undefined;
  let most: number | undefined;
  for (let position = start; ; position++) {
    if (states.has(pattern.length)) {
      least ??= position - start;
      most = position - start;
    }
    if (position === text.length || states.size === 0) break;
    states = step(pattern, states, text[position] ?? '');
  }
  return least === undefined || most === undefined ? undefined : { least, most };
}

/** The same, for text that ends where the pattern does: how many characters before the end. */
export function matchToEnd(
  pattern: Pattern,
  text: readonly string[],
): { readonly least: number; readonly most: number } | undefined {
  return matchFrom([...pattern].reverse(), [...text].reverse(), 0);
}

function step(pattern: Pattern, states: ReadonlySet<number>, char: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = pattern[state];
    if (token === undefined) continue;
    if (token.kind === 'any') next.add(state);
    else if (token.kind === 'one' || token.char === char) next.add(state + 1);
  }
  return closure(pattern, next);
}

/** A star may match nothing. */
function closure(pattern: Pattern, states: Set<number>): Set<number> {
  for (const state of states) {
    if (pattern[state]?.kind === 'any') states.add(state + 1);
  }
  return states;
}
