import { posix } from 'node:path';
import { type IgnoreRules, ignoreRules } from '../../dockerfile/ignore-file.ts';
import { toText } from '../../oci/tar/entry.ts';

/** A symbolic link of a context. Byte strings. */
export interface ContextLink {
  /** Below the context. */
  readonly path: string;
  readonly target: string;
}

/** More come of links that lead through links. */
const MAX_PATTERNS = 1000;

/** What leaves out everything but what the patterns mean, with all below it. */
export function scopeRules(patterns: readonly string[]): IgnoreRules {
  return ignoreRules(['*', ...patterns.map((pattern) => `!${pattern}`)]);
}

/**
 * The patterns with those that they mean by way of links: a build follows links in what it asks for, not those below it. Undefined where that
 * leads to everything, or cannot be told.
 */
export function followLinks(
  patterns: readonly string[],
  links: readonly ContextLink[],
): readonly string[] | undefined {
  const all = new Set(patterns);
  for (const { path, target } of links) {
    const names = toText(path).split('/');
    for (const pattern of patterns) {
      const segments = pattern.split('/');
      if (segments.length < names.length && !pattern.includes('**')) continue;
      if (ignoreRules([segments.slice(0, names.length).join('/')]).ignores(names.join('/')) === false)
        continue;
      if (pattern.includes('**')) return undefined;
      const led = posix.resolve('/', ...names.slice(0, -1), toText(target)).slice(1);
      const rest = segments.slice(names.length);
      const next = [...led.split('/').map(literal), ...rest].filter((segment) => segment !== '').join('/');
      if (next === '' || next !== next.trim() || next.includes('\n')) return undefined;
      all.add(next);
    }
  }
  return all.size > MAX_PATTERNS ? undefined : [...all];
}

function literal(name: string): string {
  return name.replace(/[*?[\]\\]/g, '\\$&');
}
