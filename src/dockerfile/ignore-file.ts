import { posix } from 'node:path';
import { DockerfileError } from './errors.ts';
import { matchesPath, mayMatchBelow, type PathPattern, parsePathPattern } from './path-pattern.ts';

/** What a `.dockerignore` (or `--exclude`) leaves out. */
export interface IgnoreRules {
  /** Whether a path below the context ("a/b") is left out. */
  ignores(path: string): boolean;
  /** Whether something below a directory that is left out may be in again: then it has to be looked into. */
  hasExceptionsBelow(directory: string): boolean;
  readonly hasExceptions: boolean;
}

interface Rule {
  readonly pattern: PathPattern;
  readonly isException: boolean;
}

const MAX_RULES = 10_000;

/** Fails with DockerfileError on a pattern that is none. */
export function readIgnoreFile(text: string): IgnoreRules {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  return ignoreRules(lines.filter((line) => !line.startsWith('#')));
}

/** Of the patterns that match a path, or a directory above it, the last decides. */
export function ignoreRules(patterns: readonly string[]): IgnoreRules {
  const rules = patterns.flatMap((pattern) => ruleOf(pattern.trim()) ?? []);
  if (rules.length > MAX_RULES) throw new DockerfileError(`there are more than ${MAX_RULES} patterns`);
  return {
    hasExceptions: rules.some(({ isException }) => isException),
    hasExceptionsBelow: (directory) =>
      rules.some(({ isException, pattern }) => isException && mayMatchBelow(pattern, directory)),
    ignores: ignoring(rules),
  };
}

/** Whether each of the rules matches a path, or a directory above it. */
type Matches = readonly boolean[];

/** Whoever walks a tree asks for many paths of one directory. */
const MAX_DIRECTORIES = 100;

function ignoring(rules: readonly Rule[]): (path: string) => boolean {
  const directories = new Map<string, Matches>();
  const none: Matches = rules.map(() => false);
  const matchesAbove = (path: string): Matches => {
    let above = none;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const directory = path.slice(0, slash);
      const over = above;
      above =
        directories.get(directory) ??
        rules.map(({ pattern }, index) => over[index] || matchesPath(pattern, directory));
      if (directories.size >= MAX_DIRECTORIES) directories.clear();
      directories.set(directory, above);
    }
    return above;
  };
  return (path) => {
    const above = matchesAbove(path);
    const last = rules.findLast(({ pattern }, index) => above[index] || matchesPath(pattern, path));
    return last !== undefined && !last.isException;
  };
}

function ruleOf(line: string): Rule | undefined {
  if (line === '') return undefined;
  const isException = line.startsWith('!');
  const text = isException ? line.slice(1).trim() : line;
  if (text === '') throw new DockerfileError(`illegal exclusion pattern: ${JSON.stringify(line)}`);
  const clean = posix.normalize(text).replace(/^\/+|\/+$/g, '');
  if (clean === '.' || clean === '') return undefined;
  return { pattern: parsePathPattern(clean, true), isException };
}
