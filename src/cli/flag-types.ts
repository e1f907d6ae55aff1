import { parseBoolean } from '../wire/booleans.ts';
import { parseDuration } from '../wire/durations.ts';
import { parseSize } from '../wire/sizes.ts';
import type { FlagType } from './flag.ts';

/** The kinds of flag values that several commands share. */

export function bool(initial = false): FlagType<boolean> {
  return {
    label: '',
    initial: () => initial,
    parse: parseBoolean,
    bare: 'true',
    ...(initial ? { defaultText: 'true' } : {}),
  };
}

export function text(initial = ''): FlagType<string> {
  return {
    label: 'string',
    initial: () => initial,
    parse: (value) => value,
    ...(initial === '' ? {} : { defaultText: JSON.stringify(initial) }),
  };
}

function parseInteger(value: string, min: number, max: number, goFunction: string): number {
  const pattern =
    min < 0
      ? /^[+-]?(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9]\d*)$/
      : /^(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9]\d*)$/;
  const digits = pattern.exec(value)?.[1];
  if (digits === undefined) {
    throw new Error(`strconv.${goFunction}: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits;
  const number = value.startsWith('-') ? -Number(octal) : Number(octal);
  if (number < min || number > max) {
    throw new Error(`strconv.${goFunction}: parsing ${JSON.stringify(value)}: value out of range`);
  }
  return number;
}

/** A Go int or int64. Beyond 2^53 the nearest double is taken. */
export function integer(initial = 0): FlagType<number> {
  return {
    label: 'int',
    initial: () => initial,
    parse: (value) => parseInteger(value, -(2 ** 63), 2 ** 63 - 1, 'ParseInt'),
    ...(initial === 0 ? {} : { defaultText: String(initial) }),
  };
}

export const uint64: FlagType<number> = {
  label: 'uint',
  initial: () => 0,
  parse: (value) => parseInteger(value, 0, 2 ** 64 - 1, 'ParseUint'),
};

export const uint16: FlagType<number> = {
  label: 'uint16',
  initial: () => 0,
  parse: (value) => parseInteger(value, 0, 2 ** 16 - 1, 'ParseUint'),
};

/** In nanoseconds. */
export const duration: FlagType<number> = {
  label: 'duration',
  initial: () => 0,
  parse: (value) => Number(parseDuration(value)),
};

/** In bytes. */
export const bytes: FlagType<number> = {
  label: 'bytes',
  initial: () => 0,
  parse: (value) => parseSize(value),
};

/** In bytes, or -1 for no limit. */
export const bytesOrUnlimited: FlagType<number> = {
  label: 'bytes',
  initial: () => 0,
  parse: (value) => (value === '-1' ? -1 : parseSize(value)),
};

/** Repeatable. `check` may normalise a value or throw. */
export function list(check: (value: string) => string = (value) => value): FlagType<readonly string[]> {
  return { label: 'list', initial: () => [], parse: (value, current) => [...current, check(value)] };
}

/** Repeatable; values are comma-separated lists. */
export const strings: FlagType<readonly string[]> = {
  label: 'strings',
  initial: () => [],
  parse: (value, current) => [...current, ...(value === '' ? [] : value.split(','))],
};

export type TextMap = Readonly<Record<string, string>>;

/** Repeatable `key=value`. */
export function map(check: (value: string) => string = (value) => value): FlagType<TextMap> {
  return {
    label: 'map',
    initial: () => ({}),
    parse: (value, current) => ({ ...current, ...Object.fromEntries([cut(check(value), '=')]) }),
    defaultText: 'map[]',
  };
}

export type Filters = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** Repeatable `key=value`, in the API's form. */
export const filter: FlagType<Filters> = {
  label: 'filter',
  initial: () => ({}),
  parse(value, current) {
    if (value === '') return current;
    if (!value.includes('=')) throw new Error('bad format of filter (expected name=value)');
    const [name, wanted] = cut(value, '=');
    const key = name.trim().toLowerCase();
    return { ...current, [key]: { ...current[key], [wanted.trim()]: true } };
  },
};

/** The parts before and after the first `separator`; the second is empty where there is none. */
export function cut(value: string, separator: string): [string, string] {
  const at = value.indexOf(separator);
  return at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + separator.length)];
}
