/**
 * JSON as Go reads it, which is what Docker's clients rely on: keys match whatever their case, unknown keys are ignored, null and absent
 * mean the zero value, lists and maps may be null. A schema is data (server validation, typed client and API reference read it) and
 * decodes to a complete object: every key is there unless it is `optional` (Go's omitempty or a pointer that is left out).
 */
export interface Schema<T = unknown> {
  readonly kind: SchemaKind;
  /** Go's name of the type, for messages and the reference. */
  readonly typeName: string;
  zero(): T;
  /** Throws DecodeError. */
  decode(value: unknown, path: string): T;
  readonly fields?: Fields;
  readonly item?: Schema;
}

type SchemaKind =
  | 'string'
  | 'integer'
  | 'number'
  | 'boolean'
  | 'list'
  | 'map'
  | 'struct'
  | 'nullable'
  | 'any';

export interface Field<T = unknown, Optional extends boolean = boolean> {
  readonly schema: Schema<T>;
  readonly optional: Optional;
}

export type Fields = Readonly<Record<string, Schema | Field>>;

export type TypeOf<S> = S extends Schema<infer T> ? T : never;

type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<unknown, true> ? K : never;
}[keyof F];

type FieldType<F> = F extends Field<infer T> ? T : F extends Schema<infer T> ? T : never;

export type StructOf<F extends Fields> = { [K in Exclude<keyof F, OptionalKeys<F>>]: FieldType<F[K]> } & {
  [K in OptionalKeys<F>]?: FieldType<F[K]>;
};

export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

function mismatch(value: unknown, path: string, typeName: string): DecodeError {
  const field = path === '' ? 'value' : `struct field ${path}`;
  return new DecodeError(`json: cannot unmarshal ${jsonKind(value)} into Go ${field} of type ${typeName}`);
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return `number ${value}`;
  return typeof value;
}

function scalar<T>(
  kind: SchemaKind,
  typeName: string,
  zero: T,
  accepts: (value: unknown) => value is T,
): Schema<T> {
  return {
    kind,
    typeName,
    zero: () => zero,
    decode(value, path) {
      if (value === null || value === undefined) return zero;
      if (!accepts(value)) throw mismatch(value, path, typeName);
      return value;
    },
  };
}

export const string: Schema<string> = scalar('string', 'string', '', (value) => typeof value === 'string');
export const boolean: Schema<boolean> = scalar(
  'boolean',
  'bool',
  false,
  (value) => typeof value === 'boolean',
);
export const number: Schema<number> = scalar('number', 'float64', 0, (value) => typeof value === 'number');

function integerType(typeName: string, min: number, max: number): Schema<number> {
  return scalar('integer', typeName, 0, (value): value is number => {
    return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
  });
}

export const int64 = integerType('int64', -(2 ** 63), 2 ** 63);
export const uint64 = integerType('uint64', 0, 2 ** 64);
export const uint32 = integerType('uint32', 0, 2 ** 32 - 1);
export const uint16 = integerType('uint16', 0, 2 ** 16 - 1);

/** Anything, kept as it came. */
export const any: Schema<unknown> = {
  kind: 'any',
  typeName: 'interface {}',
  zero: () => null,
  decode: (value) => value ?? null,
};

export function list<T>(item: Schema<T>): Schema<T[] | null> {
  const typeName = `[]${item.typeName}`;
  return {
    kind: 'list',
    typeName,
    item,
    zero: () => null,
    decode(value, path) {
      if (value === null || value === undefined) return null;
      if (!Array.isArray(value)) throw mismatch(value, path, typeName);
      return value.map((entry) => item.decode(entry, path));
    },
  };
}

export function map<T>(item: Schema<T>): Schema<Record<string, T> | null> {
  const typeName = `map[string]${item.typeName}`;
  return {
    kind: 'map',
    typeName,
    item,
    zero: () => null,
    decode(value, path) {
      if (value === null || value === undefined) return null;
      if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(value, path, typeName);
      const result: Record<string, T> = Object.create(null);
      for (const [key, entry] of Object.entries(value)) result[key] = item.decode(entry, path);
      return { ...result };
    },
  };
}

/** A Go pointer: null when not given. */
export function nullable<T>(item: Schema<T>): Schema<T | null> {
  return {
    kind: 'nullable',
    typeName: item.typeName,
    item,
    zero: () => null,
    decode: (value, path) => (value === null || value === undefined ? null : item.decode(value, path)),
  };
}

/** A key that is left out when it was not given. */
export function optional<T>(schema: Schema<T>): Field<T, true> {
  return { schema, optional: true };
}

export function struct<F extends Fields>(
  typeName: string,
  fields: F,
): Schema<StructOf<F>> & { readonly fields: F } {
  const entries = Object.entries(fields).map(([key, value]) => {
    const field: Field = 'optional' in value ? value : { schema: value, optional: false };
    return { key, field };
  });
  return {
    kind: 'struct',
    typeName,
    fields,
    zero: () => build(entries, typeName, new Map()) as StructOf<F>,
    decode(value, path) {
      if (value === null || value === undefined) return build(entries, typeName, new Map()) as StructOf<F>;
      if (typeof value !== 'object' || Array.isArray(value)) throw mismatch(value, path, typeName);
      const given = new Map(Object.entries(value).map(([key, entry]) => [key.toLowerCase(), entry]));
      return build(entries, typeName, given) as StructOf<F>;
    },
  };
}

function build(
  entries: readonly { key: string; field: Field }[],
  typeName: string,
  given: ReadonlyMap<string, unknown>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { key, field } of entries) {
    const value = given.get(key.toLowerCase());
    if (value === undefined || value === null) {
      if (!field.optional) result[key] = field.schema.zero();
    } else {
      result[key] = field.schema.decode(value, `${typeName}.${key}`);
    }
  }
  return result;
}
