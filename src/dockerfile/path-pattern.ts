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
export interface PathPattern {
  readonly tokens: readonly Token[];
  /** Before the first character. */
  readonly start: State;
  /** Those met so far, by their positions. */
  readonly states: Map<string, State>;
}

/** Where in a pattern a match may be. What follows it is worked out when it is first met: then paths cost a look-up for each character. */
interface State {
  readonly positions: ReadonlySet<number>;
  readonly next: Map<string, State>;
}

/** Of one pattern. Most have fewer; a hostile one would have too many to keep. */
const MAX_STATES = 100;
const MAX_FOLLOWERS = 100;

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
  return {
    tokens,
    start: { positions: closure(tokens, new Set([0]), true), next: new Map() },
    states: new Map(),
  };
}

/** Whether a pattern matches all of a path. Takes no longer than the product of their lengths. */
export function matchesPath(pattern: PathPattern, path: string): boolean {
  return stateAfter(pattern, path).positions.has(pattern.tokens.length);
}

/** Whether it matches some path below a directory. */
export function mayMatchBelow(pattern: PathPattern, directory: string): boolean {
  return stateAfter(pattern, `${directory}/`).positions.size > 0;
}

function stateAfter(pattern: PathPattern, text: string): State {
  let state = pattern.start;
  for (const char of text) {
    state = state.next.get(char) ?? advance(pattern, state, char);
    if (state.positions.size === 0) break;
  }
  return state;
}

function advance({ tokens, start, states }: PathPattern, state: State, char: string): State {
  const next = new Set<number>();
  for (const position of state.positions) {
    const token = tokens[position];
    if (token === undefined) continue;
    if (token.kind === 'one') {
      if (token.takes(char)) next.add(position + 1);
    } else if (token.kind !== 'any' || char !== '/') {
      next.add(position);
    }
  }
  const positions = closure(tokens, next, char === '/');
  if (positions.size === 0) return nowhere;
  const key = [...positions].join();
  if (states.size >= MAX_STATES) {
    states.clear();
    start.next.clear();
  }
  const following = states.get(key) ?? { positions, next: new Map() };
  states.set(key, following);
  if (state.next.size < MAX_FOLLOWERS) state.next.set(char, following);
  return following;
}

const nowhere: State = { positions: new Set(), next: new Map() };

/** Whether a pattern is more than a plain path. */
export function hasWildcards(text: string): boolean {
  return /[*?[\\]/.test(text);
}

/** Adds what can be reached without a character; `atName`: the next character begins a name. */
function closure(tokens: readonly Token[], states: Set<number>, atName: boolean): Set<number> {
  for (const state of states) {
    const kind = tokens[state]?.kind;
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
