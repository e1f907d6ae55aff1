import { describe, expect, test } from 'bun:test';
import { ignoreRules, readIgnoreFile } from './ignore-file.ts';
import { matchesPath, parsePathPattern } from './path-pattern.ts';

describe('a path pattern', () => {
  test.each([
    ['*.go', 'a.go', true],
    ['*.go', 'd/a.go', false],
    ['**/*.go', 'd/e/a.go', true],
    ['**/*.go', 'a.go', true],
    ['a/**', 'a/b/c', true],
    ['a/**/z', 'a/z', true],
    ['a/**/z', 'a/b/c/z', true],
    ['a/**/z', 'a/bz', false],
    ['**', 'x/y', true],
    ['a?c', 'abc', true],
    ['a?c', 'a/c', false],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['[]x]', ']', true],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['.$+()', '.$+()', true],
  ])('%s on %s: %p', (pattern, path, matches) => {
    expect(matchesPath(parsePathPattern(pattern, true), path)).toBe(matches);
  });

  test('has no directories of any depth where they are not meant', () => {
    expect(matchesPath(parsePathPattern('**/x', false), 'a/b/x')).toBe(false);
    expect(matchesPath(parsePathPattern('**/x', false), 'a/x')).toBe(true);
  });

  test('that is none is refused', () => {
    for (const text of ['[', '[a', 'a\\', '[a-']) {
      expect(() => parsePathPattern(text, true)).toThrow('syntax error in pattern');
    }
  });

  test('of any length matches in time', () => {
    expect(matchesPath(parsePathPattern(`${'*a'.repeat(100)}b`, true), 'a'.repeat(4_000))).toBe(false);
  });
});

describe('an ignore file', () => {
  test('leaves out what matches, and all below', () => {
    const { ignores } = readIgnoreFile('\ufeff# comment\n\n  node_modules \n/build/\n*.log\n**/tmp\n');
    const paths = ['node_modules', 'node_modules/a/b', 'build/x', 'a.log', 'sub/tmp/x'];
    expect(paths.filter(ignores)).toEqual(paths);
    expect(['src/node_modules', 'sub/a.log', 'building', 'comment'].filter(ignores)).toEqual([]);
  });

  test('lets the last matching line decide', () => {
    const rules = ignoreRules(['*', '!src', 'src/secret', '!src/secret/public']);
    expect(rules.hasExceptions).toBe(true);
    expect(rules.ignores('README')).toBe(true);
    expect(rules.ignores('src/a')).toBe(false);
    expect(rules.ignores('src/secret/x')).toBe(true);
    expect(rules.ignores('src/secret/public')).toBe(false);
  });

  test('tells below which directories something may be in again', () => {
    const { hasExceptionsBelow } = ignoreRules(['*', '!src/*/kept', '!**/deep', 'docs']);
    expect(['src', 'src/a', 'other'].filter(hasExceptionsBelow)).toEqual(['src', 'src/a', 'other']);
    const plain = ignoreRules(['node_modules', '!src/*/kept', '!a']);
    expect(['src', 'src/a', 'node_modules', 'srcs', 'src/a/b', 'a'].filter(plain.hasExceptionsBelow)).toEqual(
      ['src', 'src/a'],
    );
  });

  test('refuses an exception of nothing', () => {
    expect(() => ignoreRules(['a', '!'])).toThrow('illegal exclusion pattern: "!"');
  });
});
