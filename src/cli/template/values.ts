/**
 * Values as templates see them. Plain JavaScript stands for Go's: strings, booleans, numbers and bigints (integers), arrays (slices),
 * plain objects (maps), undefined (no value), null (a nil interface). These classes are for what JavaScript cannot tell apart.
 */

/** A float64, also when it is whole. */
export class Float {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A nil pointer: prints as `<nil>`, is false, has no fields. */
export class NilPointer {
  readonly typeName: string;
  constructor(typeName: string) {
    this.typeName = typeName;
  }
}

/** A Go struct: an ordered set of named fields (or methods), of which no other can be asked. */
export class Struct {
  readonly typeName: string;
  /** By Go's field name, in Go's order. A function is a method: called with the template's arguments. */
  readonly members: ReadonlyMap<string, unknown>;
  /** Makes what `json` prints; the members when not given. */
  readonly json: (() => unknown) | undefined;

  constructor(typeName: string, members: Iterable<readonly [string, unknown]>, json?: () => unknown) {
    this.typeName = typeName;
    this.members = new Map(members);
    this.json = json;
  }
}

export type GoMap = Readonly<Record<string, unknown>>;

export function isMap(value: unknown): value is GoMap {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Struct) &&
    !(value instanceof Float) &&
    !(value instanceof NilPointer)
  );
}

/** Go's truth: zero values and empty collections are false. */
export function isTrue(value: unknown): boolean {
  if (value === undefined || value === null || value instanceof NilPointer) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Float) return value.value !== 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Go's name for the value's type, as error messages give it. */
export function typeNameOf(value: unknown): string {
  if (value instanceof Struct || value instanceof NilPointer) return value.typeName;
  if (value instanceof Float) return 'float64';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
    case 'bigint':
      return 'int';
    case 'object':
      return value === null ? 'nil' : 'map[string]interface {}';
    default:
      return 'nil';
  }
}

/** What fmt's `%v` prints. */
export function format(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null || value instanceof NilPointer) return '<nil>';
  if (typeof value === 'string') return value;
  if (value instanceof Float) return formatFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(format).join(' ')}]`;
  if (value instanceof Struct) {
    const fields = [...value.members.values()].filter((member) => typeof member !== 'function');
    return `{${fields.map(format).join(' ')}}`;
  }
  if (isMap(value)) {
    const pairs = Object.keys(value)
      .sort(compareBytes)
      .map((key) => `${key}:${format(value[key])}`);
    return `map[${pairs.join(' ')}]`;
  }
  return String(value);
}

/** Go's `%v` of a float64: shortest digits, exponent form from 1e21 on and below 1e-4. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e21)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return String(value);
}

/** Go sorts strings by their bytes. */
export function compareBytes(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** JSON that is text already: printed as it is. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const nils = new WeakSet<object>();

/** A nil slice or map: empty for templates, `null` as JSON. */
export function markNil<T extends object>(empty: T): T {
  nils.add(empty);
  return empty;
}

export function isNil(value: object): boolean {
  return nils.has(value);
}

const mapZeros = new WeakMap<object, unknown>();

/** Tells what `index` finds under a key that the map does not have: its element type's zero value. */
export function setZeroOfMap(map: GoMap, zero: unknown): void {
  mapZeros.set(map, zero);
}

export function zeroOfMap(map: GoMap): unknown {
  return mapZeros.get(map);
}
