import { Float, NilPointer } from './values.ts';

type Fail = (message: string) => Error;

/** Go's basic kinds, as far as comparison tells them apart. */
function kindOf(value: unknown): 'bool' | 'int' | 'float' | 'string' | 'nil' | undefined {
  if (value === undefined || value === null || value instanceof NilPointer) return 'nil';
  if (value instanceof Float) return 'float';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return typeof value === 'number' || typeof value === 'bigint' ? 'int' : undefined;
}

function plain(value: unknown): unknown {
  return value instanceof Float ? value.value : value;
}

export function equalValues(left: unknown, right: unknown, fail: Fail): boolean {
  const a = kindOf(left);
  const b = kindOf(right);
  if (a === 'nil' || b === 'nil') return a === b;
  if (a === undefined || b === undefined) throw fail('non-comparable type');
  if (a !== b) throw fail('incompatible types for comparison');
  // biome-ignore lint/suspicious/noDoubleEquals: a number and a bigint of the same value are the same integer
  return plain(left) == plain(right);
}

/** Negative, zero or positive. */
export function compareValues(left: unknown, right: unknown, fail: Fail): number {
  const a = kindOf(left);
  const b = kindOf(right);
  if (a === undefined || a === 'nil' || a === 'bool') throw fail('invalid type for comparison');
  if (a !== b) throw fail('incompatible types for comparison');
  const x = plain(left) as string | number;
  const y = plain(right) as string | number;
  return x < y ? -1 : x > y ? 1 : 0;
}
