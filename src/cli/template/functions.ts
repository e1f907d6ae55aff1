import { compareValues, equalValues } from './compare.ts';
import { goJson } from './json.ts';
import { sprintf } from './printf.ts';
import { format, isMap, isTrue, NilPointer, typeNameOf, zeroOfMap } from './values.ts';

/** A function refused its arguments. `stage` tells how Go words the message. */
export class TemplateFunctionError extends Error {
  override readonly name = 'TemplateFunctionError';
  readonly stage: 'arity' | 'argument' | 'call';
  /** Which argument, for stage `argument`, and Go's type that it should have had. */
  readonly index: number;
  readonly expected: string;

  constructor(stage: 'arity' | 'argument' | 'call', message: string, index = 0, expected = '') {
    super(message);
    this.stage = stage;
    this.index = index;
    this.expected = expected;
  }
}

type Parameter = 'any' | 'string' | 'int' | 'strings';

interface TemplateFunction {
  readonly parameters: readonly Parameter[];
  /** The last parameter may be given any number of times. */
  readonly variadic?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: checked against `parameters` before the call
  readonly call: (...values: any[]) => unknown;
}

export type FunctionTable = Readonly<Record<string, TemplateFunction>>;

export function callFunction(table: FunctionTable, name: string, values: readonly unknown[]): unknown {
  const entry = table[name];
  if (entry === undefined) throw new TemplateFunctionError('call', `${name} is not defined`);
  const { parameters, variadic = false } = entry;
  const required = variadic ? parameters.length - 1 : parameters.length;
  if (values.length < required || (!variadic && values.length > required)) {
    const want = variadic ? `at least ${required}` : String(required);
    throw new TemplateFunctionError(
      'arity',
      `wrong number of args for ${name}: want ${want} got ${values.length}`,
    );
  }
  for (const [index, value] of values.entries()) {
    checkParameter(parameters[Math.min(index, parameters.length - 1)] ?? 'any', value, index);
  }
  return entry.call(...values);
}

function checkParameter(parameter: Parameter, value: unknown, index: number): void {
  if (parameter === 'any') return;
  const goType = parameter === 'strings' ? '[]string' : parameter;
  const wrong = (message: string): Error => new TemplateFunctionError('argument', message, index, goType);
  if (value === undefined) throw wrong(`invalid value; expected ${goType}`);
  const fits = parameter === 'strings' ? Array.isArray(value) : typeof value === jsTypes[parameter];
  if (!fits) throw wrong(`wrong type for value; expected ${goType}; got ${typeNameOf(value)}`);
}

const jsTypes = { string: 'string', int: 'number' } as const;

const failed = (message: string): TemplateFunctionError => new TemplateFunctionError('call', message);

/** Docker's own functions and Go's predefined ones. `and` and `or` are the evaluator's: they need not see all arguments. */
export const functions: FunctionTable = {
  json: { parameters: ['any'], call: goJson },
  split: { parameters: ['string', 'string'], call: (text: string, by: string) => text.split(by) },
  join: {
    parameters: ['strings', 'string'],
    call: (list: unknown[], by: string) => list.map(format).join(by),
  },
  title: { parameters: ['string'], call: titleCase },
  lower: { parameters: ['string'], call: (text: string) => text.toLowerCase() },
  upper: { parameters: ['string'], call: (text: string) => text.toUpperCase() },
  pad: {
    parameters: ['string', 'int', 'int'],
    call: (text: string, before: number, after: number) =>
      text === '' ? '' : ' '.repeat(Math.max(0, before)) + text + ' '.repeat(Math.max(0, after)),
  },
  truncate: {
    parameters: ['string', 'int'],
    call: (text: string, length: number) => {
      const bytes = Buffer.from(text);
      return bytes.length < length ? text : bytes.subarray(0, length).toString();
    },
  },
  and: { parameters: ['any'], variadic: true, call: () => undefined },
  or: { parameters: ['any'], variadic: true, call: () => undefined },
  not: { parameters: ['any'], call: (value: unknown) => !isTrue(value) },
  len: { parameters: ['any'], call: length },
  index: { parameters: ['any', 'any'], variadic: true, call: index },
  slice: { parameters: ['any', 'any'], variadic: true, call: slice },
  print: { parameters: ['any'], variadic: true, call: print },
  println: {
    parameters: ['any'],
    variadic: true,
    call: (...values: unknown[]) => `${values.map(formatOperand).join(' ')}\n`,
  },
  printf: { parameters: ['string', 'any'], variadic: true, call: sprintf },
  html: { parameters: ['any'], variadic: true, call: (...values: unknown[]) => escapeHtml(print(...values)) },
  js: { parameters: ['any'], variadic: true, call: (...values: unknown[]) => escapeJs(print(...values)) },
  urlquery: {
    parameters: ['any'],
    variadic: true,
    call: (...values: unknown[]) => encodeURIComponent(print(...values)).replaceAll('%20', '+'),
  },
  eq: {
    parameters: ['any', 'any'],
    variadic: true,
    call: (value: unknown, ...others: unknown[]) => {
      if (others.length === 0) throw failed('missing argument for comparison');
      return others.some((other) => equalValues(value, other, failed));
    },
  },
  ne: { parameters: ['any', 'any'], call: (a: unknown, b: unknown) => !equalValues(a, b, failed) },
  lt: { parameters: ['any', 'any'], call: (a: unknown, b: unknown) => compareValues(a, b, failed) < 0 },
  le: { parameters: ['any', 'any'], call: (a: unknown, b: unknown) => compareValues(a, b, failed) <= 0 },
  gt: { parameters: ['any', 'any'], call: (a: unknown, b: unknown) => compareValues(a, b, failed) > 0 },
  ge: { parameters: ['any', 'any'], call: (a: unknown, b: unknown) => compareValues(a, b, failed) >= 0 },
};

const same: TemplateFunction = { parameters: ['any'], variadic: true, call: (value: unknown) => value };

/** For a table's heading: a column keeps its name, whatever is done to its values. */
export const headerFunctions: FunctionTable = {
  ...functions,
  json: same,
  split: same,
  join: same,
  title: same,
  lower: same,
  upper: same,
  truncate: same,
};

/** fmt.Print's operand: a missing value is nil there. */
function formatOperand(value: unknown): string {
  return value === undefined ? '<nil>' : format(value);
}

/** fmt.Sprint: a blank between operands when neither is a string. */
function print(...values: unknown[]): string {
  return values.reduce<string>((text, value, position) => {
    const apart = position > 0 && typeof value !== 'string' && typeof values[position - 1] !== 'string';
    return text + (apart ? ' ' : '') + formatOperand(value);
  }, '');
}

function titleCase(text: string): string {
  return text.replace(/(^|[^A-Za-z0-9_\u0080-\u{10ffff}]|\s)(\p{Ll})/gu, (_, before, letter) => {
    return before + letter.toUpperCase();
  });
}

function length(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  if (value === undefined || value === null) throw failed('len of untyped nil');
  if (value instanceof NilPointer) throw failed('len of nil pointer');
  throw failed(`len of type ${typeNameOf(value)}`);
}

function index(item: unknown, ...keys: unknown[]): unknown {
  let value = item;
  for (const key of keys) {
    if (value === undefined || value === null) throw failed('index of untyped nil');
    if (value instanceof NilPointer) throw failed('index of nil pointer');
    if (isMap(value)) value = entryOf(value, key);
    else if (Array.isArray(value)) value = value[positionOf(key, value.length)];
    else if (typeof value === 'string') {
      const bytes = Buffer.from(value);
      value = bytes[positionOf(key, bytes.length)];
    } else throw failed(`can't index item of type ${typeNameOf(value)}`);
  }
  return value;
}

function entryOf(map: Readonly<Record<string, unknown>>, key: unknown): unknown {
  if (typeof key !== 'string') {
    if (key === undefined || key === null) throw failed('value is nil; should be of type string');
    throw failed(`value has type ${typeNameOf(key)}; should be string`);
  }
  return Object.hasOwn(map, key) ? map[key] : zeroOfMap(map);
}

function positionOf(key: unknown, count: number): number {
  if (typeof key !== 'number') {
    if (key === undefined || key === null) throw failed('cannot index slice/array with nil');
    throw failed(`cannot index slice/array with type ${typeNameOf(key)}`);
  }
  if (key < 0 || key >= count) throw failed(`index out of range: ${key}`);
  return key;
}

function slice(item: unknown, ...bounds: unknown[]): unknown {
  if (bounds.length > 3) throw failed(`too many slice indexes: ${bounds.length}`);
  if (typeof item !== 'string' && !Array.isArray(item)) {
    if (item === undefined || item === null) throw failed('slice of untyped nil');
    throw failed(`can't slice item of type ${typeNameOf(item)}`);
  }
  const values = typeof item === 'string' ? Buffer.from(item) : item;
  const [from = 0, to = values.length] = bounds;
  for (const bound of [from, to]) {
    if (typeof bound !== 'number') throw failed(`cannot index slice/array with type ${typeNameOf(bound)}`);
    if (bound < 0 || bound > values.length) throw failed(`index out of range: ${bound}`);
  }
  if ((from as number) > (to as number)) throw failed(`invalid slice index: ${from} > ${to}`);
  const part = values.slice(from as number, to as number);
  return part instanceof Buffer ? part.toString() : part;
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\uFFFD',
};

function escapeHtml(text: string): string {
  return text.replace(/["'&<>\0]/g, (character) => htmlEscapes[character] ?? character);
}

function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\0-\x1f]/g, (character) => {
    if (character === '\\' || character === "'" || character === '"') return `\\${character}`;
    return `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  });
}
