import type { Token } from './lexer.ts';
import { Float } from './values.ts';

/** The value of a literal, or undefined if it is malformed. */
export function parseConstant(token: Token): unknown {
  switch (token.kind) {
    case 'boolean':
      return token.text === 'true';
    case 'rawString':
      return token.text.slice(1, -1);
    case 'string':
      return unquote(token.text.slice(1, -1));
    case 'character':
      return unquote(token.text.slice(1, -1))?.codePointAt(0);
    default:
      return parseNumber(token.text);
  }
}

function parseNumber(text: string): number | Float | undefined {
  const digits = text.replaceAll('_', '').replace(/^\+/, '');
  const negative = digits.startsWith('-');
  const value = Number(negative ? digits.slice(1) : digits);
  if (!Number.isFinite(value)) return undefined;
  const signed = negative ? -value : value;
  return /^[^xX]*[.eE]/.test(digits) && !/^-?0[xX]/.test(digits) && !Number.isInteger(signed)
    ? new Float(signed)
    : signed;
}

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** Go's escapes; undefined for one that Go does not have. */
function unquote(text: string): string | undefined {
  let known = true;
  const pattern = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu;
  const result = text.replace(pattern, (_, hex, short, long, octal, simple: string | undefined) => {
    const code = hex ?? short ?? long;
    if (code !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff));
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const value = simpleEscapes[simple ?? ''];
    if (value === undefined) known = false;
    return value ?? '';
  });
  return known ? result : undefined;
}
