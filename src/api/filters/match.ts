import { invalid } from '../../base/errors.ts';
import type { Filters } from '../../wire/query.ts';

const LONGEST_PATTERN = 1024;

/** Whether a filter is absent, or one of its values is `text` or a regular expression that matches it. */
export function matchesText(filters: Filters, name: string, ...texts: readonly string[]): boolean {
  const values = filters[name];
  if (values === undefined || values.length === 0) return true;
  return values.some((value) => texts.some((text) => text === value || matchesPattern(value, text)));
}

function matchesPattern(pattern: string, text: string): boolean {
  if (!isTame(pattern)) return false;
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return false;
  }
}

/** Whether a regular expression is done in bearable time: Go's always are, but those here backtrack. */
function isTame(pattern: string): boolean {
  const repeatedGroup = /\)[*+{]/;
  const repetitions = pattern.match(/[*+{]/g)?.length ?? 0;
  return pattern.length <= LONGEST_PATTERN && repetitions <= 3 && !repeatedGroup.test(pattern);
}

/** Whether a filter is absent, or one of its values is exactly one of the texts. */
export function equalsText(filters: Filters, name: string, ...texts: readonly string[]): boolean {
  const values = filters[name];
  return values === undefined || values.length === 0 || values.some((value) => texts.includes(value));
}

/** Whether a filter is absent, or a text begins with one of its values. */
export function beginsText(filters: Filters, name: string, ...texts: readonly string[]): boolean {
  const values = filters[name];
  if (values === undefined || values.length === 0) return true;
  return values.some((value) => texts.some((text) => text.startsWith(value)));
}

/** Whether every "key" or "key=value" asked for is there, and none of those of `label!`. */
export function matchesLabels(
  filters: Filters,
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean {
  const has = (wanted: string): boolean => {
    const equals = wanted.indexOf('=');
    const key = equals === -1 ? wanted : wanted.slice(0, equals);
    if (labels == null || !Object.hasOwn(labels, key)) return false;
    return equals === -1 || labels[key] === wanted.slice(equals + 1);
  };
  return (filters['label'] ?? []).every(has) && !(filters['label!'] ?? []).some(has);
}

/** A filter of one truth value; undefined when absent. Fails with Docker's text for anything else. */
export function flagFilter(filters: Filters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const truths = new Set(values.map((value) => truthOf(value)));
  const [truth] = truths;
  if (truths.size !== 1 || truth === undefined)
    throw invalid(`invalid filter '${name}=[${values.join(' ')}]'`);
  return truth;
}

function truthOf(value: string): boolean | undefined {
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  return undefined;
}

/** The one value that a filter may have; undefined when absent. */
export function singleValue(filters: Filters, name: string): string | undefined {
  const values = filters[name] ?? [];
  if (values.length > 1) throw invalid(`invalid filter '${name}': only one value is allowed`);
  return values[0];
}
