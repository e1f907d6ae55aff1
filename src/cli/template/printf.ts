import { goQuote } from '../format/quote.ts';
import { Float, format, formatFloat, typeNameOf } from './values.ts';

interface Verb {
  readonly flags: string;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  readonly letter: string;
}

const MAX_WIDTH = 10_000;

/** fmt.Sprintf, with its complaints inside the text (`%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA int=1)`). */
export function sprintf(pattern: string, ...values: unknown[]): string {
  let used = 0;
  const text = pattern.replace(
    /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d*))?([a-zA-Z%])?/g,
    (_, flags: string, width: string | undefined, precision: string | undefined, letter?: string) => {
      if (letter === undefined) return '%!(NOVERB)';
      if (letter === '%') return '%';
      const numberFrom = (given: string | undefined): number | undefined => {
        if (given === undefined) return undefined;
        return Math.min(given === '*' ? Number(values[used++]) || 0 : Number(given), MAX_WIDTH);
      };
      const verb: Verb = { flags, width: numberFrom(width), precision: numberFrom(precision), letter };
      if (used >= values.length) return `%!${letter}(MISSING)`;
      return pad(formatVerb(verb, values[used++]), verb);
    },
  );
  if (used >= values.length) return text;
  const extra = values.slice(used).map((value) => `${typeNameOf(value)}=${format(value)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function pad(text: string, { width, flags, letter }: Verb): string {
  if (width === undefined) return text;
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (flags.includes('0') && !'sqvT'.includes(letter)) {
    const sign = /^[+-]/.exec(text)?.[0] ?? '';
    return sign + '0'.repeat(missing) + text.slice(sign.length);
  }
  return ' '.repeat(missing) + text;
}

function formatVerb(verb: Verb, value: unknown): string {
  const { letter } = verb;
  const bad = (): string => `%!${letter}(${typeNameOf(value)}=${format(value)})`;
  if (letter === 'v') return value === undefined ? '<nil>' : format(value);
  if (letter === 'T') return typeNameOf(value);
  if (Array.isArray(value)) return `[${value.map((item) => formatVerb(verb, item)).join(' ')}]`;
  if (typeof value === 'boolean') return letter === 't' ? String(value) : bad();
  if (typeof value === 'string') return formatString(verb, value) ?? bad();
  if (typeof value === 'number' || typeof value === 'bigint') return formatInteger(verb, value) ?? bad();
  if (value instanceof Float) return formatFraction(verb, value.value) ?? bad();
  return bad();
}

function formatString({ letter, precision, flags }: Verb, value: string): string | undefined {
  const text = precision === undefined ? value : [...value].slice(0, precision).join('');
  switch (letter) {
    case 's':
      return text;
    case 'q':
      return flags.includes('#') && !text.includes('`') ? `\`${text}\`` : goQuote(text);
    case 'x':
      return Buffer.from(text).toString('hex');
    case 'X':
      return Buffer.from(text).toString('hex').toUpperCase();
    default:
      return undefined;
  }
}

const radixes: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 };

function formatInteger({ letter, flags }: Verb, value: number | bigint): string | undefined {
  if (letter === 'c') return String.fromCodePoint(Number(value));
  if (letter === 'q') return `'${String.fromCodePoint(Number(value))}'`;
  const radix = radixes[letter];
  if (radix === undefined) return undefined;
  const digits = value.toString(radix);
  const prefixed = flags.includes('#') && radix === 16 ? digits.replace(/^-?/, '$&0x') : digits;
  const signed = flags.includes('+') && value >= 0 ? `+${prefixed}` : prefixed;
  return letter === 'X' ? signed.toUpperCase() : signed;
}

function formatFraction({ letter, precision, flags }: Verb, value: number): string | undefined {
  const sign = flags.includes('+') && value >= 0 ? '+' : '';
  switch (letter) {
    case 'f':
    case 'F':
      return sign + value.toFixed(Math.min(precision ?? 6, 100));
    case 'e':
    case 'E': {
      const text = value
        .toExponential(Math.min(precision ?? 6, 100))
        .replace(/e([+-])(\d)$/, (_, s, digit) => `e${s}0${digit}`);
      return sign + (letter === 'E' ? text.toUpperCase() : text);
    }
    case 'g':
    case 'G':
      return (
        sign +
        (precision === undefined
          ? formatFloat(value)
          : formatFloat(Number(value.toPrecision(precision || 1))))
      );
    default:
      return undefined;
  }
}
