/** Go text/template's surface, cut into tokens (https://pkg.go.dev/text/template). */

export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'field'
  | 'variable'
  | 'identifier'
  | 'dot'
  | 'boolean'
  | 'nil'
  | 'string'
  | 'rawString'
  | 'character'
  | 'number'
  | 'pipe'
  | 'comma'
  | 'declare'
  | 'assign'
  | 'leftParen'
  | 'rightParen'
  | 'keyword'
  | 'other'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset in the source. */
  readonly at: number;
}

/** The source is not a template. The message has Go's form: `template: name:line: what`. */
export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError';
}

const keywords = new Set([
  'if',
  'else',
  'end',
  'range',
  'with',
  'break',
  'continue',
  'define',
  'template',
  'block',
]);
const MAX_SOURCE_LENGTH = 1 << 20;

export function syntaxError(name: string, source: string, at: number, message: string): TemplateSyntaxError {
  const line = source.slice(0, at).split('\n').length;
  return new TemplateSyntaxError(`template: ${name}:${line}: ${message}`);
}

/** Throws TemplateSyntaxError. */
export function tokenize(name: string, source: string): Token[] {
  if (source.length > MAX_SOURCE_LENGTH) throw syntaxError(name, source, 0, 'the template is too long');
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf('{{', at);
    let text = source.slice(at, open < 0 ? undefined : open);
    const trimsBefore = open >= 0 && /^\{\{-[ \t\r\n]/.test(source.slice(open, open + 4));
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, '');
    if (trimsBefore) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') tokens.push({ kind: 'text', text, at });
    if (open < 0) break;
    const inside = open + (trimsBefore ? 3 : 2);
    const comment = /^\s*\/\*/.exec(source.slice(inside));
    if (comment !== null) {
      ({ at, trimNext } = skipComment(name, source, inside));
      continue;
    }
    tokens.push({ kind: 'left', text: '{{', at: open });
    ({ at, trimNext } = tokenizeAction(name, source, inside, tokens));
  }
  tokens.push({ kind: 'end', text: 'EOF', at: source.length });
  return tokens;
}

function skipComment(name: string, source: string, inside: number): { at: number; trimNext: boolean } {
  const close = source.indexOf('*/', inside);
  if (close < 0) throw syntaxError(name, source, inside, 'unclosed comment');
  const match = /^(?:[ \t\r\n]+-)?\}\}/.exec(source.slice(close + 2));
  if (match === null) throw syntaxError(name, source, inside, 'comment ends before closing delimiter');
  return { at: close + 2 + match[0].length, trimNext: match[0].length > 2 };
}

/** One pattern per kind of token; the first that matches at the place wins. */
const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['space', /[ \t\r\n]+/y],
  ['declare', /:=/y],
  ['assign', /=/y],
  ['pipe', /\|/y],
  ['comma', /,/y],
  ['leftParen', /\(/y],
  ['rightParen', /\)/y],
  ['string', /"(?:[^"\\\n]|\\[^\n])*"/y],
  ['rawString', /`[^`]*`/y],
  ['character', /'(?:[^'\\\n]|\\[^\n])+'/y],
  ['variable', /\$[\p{L}\p{Nd}_]*/uy],
  ['number', /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)/y],
  ['number', /[+-]?\.\d+(?:[eE][+-]?\d+)?/y],
  ['field', /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['dot', /\./y],
  ['identifier', /[\p{L}_][\p{L}\p{Nd}_]*/uy],
];

function tokenizeAction(
  name: string,
  source: string,
  start: number,
  tokens: Token[],
): { at: number; trimNext: boolean } {
  let at = start;
  let depth = 0;
  for (;;) {
    const close = /^(?:[ \t\r\n]+-)?\}\}/.exec(source.slice(at, at + 64));
    if (close !== null) {
      if (depth > 0) throw syntaxError(name, source, at, 'unclosed left paren');
      const end = at + close[0].length;
      tokens.push({ kind: 'right', text: '}}', at: end - 2 });
      return { at: end, trimNext: close[0].length > 2 };
    }
    const token = nextToken(name, source, at);
    if (token.kind === 'leftParen') depth++;
    if (token.kind === 'rightParen' && --depth < 0) {
      throw syntaxError(name, source, at, 'unexpected right paren');
    }
    tokens.push(token);
    at += token.text.length;
  }
}

function nextToken(name: string, source: string, at: number): Token {
  if (at >= source.length) throw syntaxError(name, source, source.length, 'unclosed action');
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match === null) continue;
    const text = match[0];
    checkTerminator(name, source, kind, at, text);
    return { kind: kind === 'identifier' ? wordKind(text) : kind, text, at };
  }
  const character = String.fromCodePoint(source.codePointAt(at) ?? 0);
  if (character === '"') throw syntaxError(name, source, at, 'unterminated quoted string');
  if (character === '`') throw syntaxError(name, source, at, 'unterminated raw quoted string');
  if (character === "'") throw syntaxError(name, source, at, 'unterminated character constant');
  if (character === ':') throw syntaxError(name, source, at, 'expected :=');
  if (/[!-~]/.test(character)) return { kind: 'other', text: character, at };
  throw syntaxError(name, source, at, `unrecognized character in action: ${unicodeName(character)}`);
}

function wordKind(text: string): TokenKind {
  if (keywords.has(text)) return 'keyword';
  if (text === 'true' || text === 'false') return 'boolean';
  return text === 'nil' ? 'nil' : 'identifier';
}

/** A word, field or variable must be followed by something that ends it. */
function checkTerminator(name: string, source: string, kind: TokenKind, at: number, text: string): void {
  if (kind !== 'field' && kind !== 'variable' && kind !== 'identifier') return;
  const next = source[at + text.length];
  if (next === undefined || /[ \t\r\n.,|:()]/.test(next)) return;
  if (source.startsWith('}}', at + text.length) || next === '=') return;
  throw syntaxError(name, source, at, `bad character ${unicodeName(next)}`);
}

function unicodeName(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `U+${code} '${character}'`;
}
