import { DecodeError } from './schema.ts';

/** Query parameters as Docker reads them. A parameter is data, as a body's schema is: server, client and reference read it. */
export interface Parameter<T = unknown> {
  readonly kind: 'flag' | 'integer' | 'unsigned' | 'text' | 'texts' | 'filters';
  /** What stands for an absent parameter. */
  readonly absent: T;
  /** Takes the values given, in order; never none. Throws DecodeError. */
  decode(values: readonly string[]): T;
}

export type ParameterType<P> = P extends Parameter<infer T> ? T : never;

const falseWords = new Set(['', '0', 'no', 'false', 'none']);

/** Everything is true but "", 0, no, false and none. */
export function flag(absent = false): Parameter<boolean> {
  return {
    kind: 'flag',
    absent,
    decode: (values) => !falseWords.has((values[0] ?? '').trim().toLowerCase()),
  };
}

/** The same where it matters whether it was given at all. */
export const optionalFlag: Parameter<boolean | undefined> = { ...flag(), absent: undefined };

function parseInteger(text: string, reader: string, min: bigint, max: bigint): number {
  if (!/^[+-]?[0-9]{1,100}$/.test(text)) {
    throw new DecodeError(`strconv.${reader}: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = BigInt(text.replace('+', ''));
  if (value < min || value > max) {
    throw new DecodeError(`strconv.${reader}: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return Number(value);
}

/** A signed integer; undefined when absent or empty. */
export const integer: Parameter<number | undefined> = {
  kind: 'integer',
  absent: undefined,
  decode: ([text = '']) =>
    text === '' ? undefined : parseInteger(text, 'Atoi', -(2n ** 63n), 2n ** 63n - 1n),
};

/** An unsigned 32-bit integer that must be given; undefined only stands for its absence. */
export const unsigned: Parameter<number | undefined> = {
  kind: 'unsigned',
  absent: undefined,
  decode: ([text = '']) => {
    if (/^[+-]/.test(text)) {
      throw new DecodeError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    return parseInteger(text, 'ParseUint', 0n, 2n ** 32n - 1n);
  },
};

export function text(absent = ''): Parameter<string> {
  return {
    kind: 'text',
    absent,
    decode: (values) => values[0] ?? '',
  };
}

/** May be given several times. */
export const texts: Parameter<readonly string[]> = {
  kind: 'texts',
  absent: [],
  decode: (values) => values,
};

/** Values by filter name; what they mean is said per route. */
export type Filters = Readonly<Record<string, readonly string[]>>;

/** `{"name":{"value":true}}` as Go clients write it or `{"name":["value"]}` as others do; an empty text is no filter. */
export function decodeFilters(source: string): Filters {
  if (source.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(source);
  } catch {
    throw new DecodeError('invalid filter: not a JSON object');
  }
  if (parsed === null) return {};
  if (typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw new DecodeError('invalid filter: not a JSON object');
  }
  return Object.fromEntries(
    Object.entries(parsed).map(([name, values]) => [name, filterValues(name, values)]),
  );
}

function filterValues(name: string, values: unknown): readonly string[] {
  if (values === null) return [];
  if (Array.isArray(values)) {
    if (values.every((value) => typeof value === 'string')) return values;
  } else if (typeof values === 'object') {
    const entries = Object.entries(values);
    if (entries.every(([, on]) => typeof on === 'boolean')) {
      return entries.filter(([, on]) => on).map(([value]) => value);
    }
  }
  throw new DecodeError(`invalid filter ${JSON.stringify(name)}: expected a list of texts`);
}

export interface FiltersParameter extends Parameter<Filters> {
  readonly names: readonly string[];
}

/** Any other filter name is refused with Docker's text. */
export function filters(...names: readonly string[]): FiltersParameter {
  return {
    kind: 'filters',
    names,
    absent: {},
    decode: ([source = '']) => {
      const decoded = decodeFilters(source);
      for (const name of Object.keys(decoded)) {
        if (!names.includes(name)) throw new DecodeError(`invalid filter '${name}'`);
      }
      return decoded;
    },
  };
}
