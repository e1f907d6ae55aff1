import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { followLinks, scopeRules } from './context-scope.ts';
import { scanScope } from './scan-context.ts';
import { walkContext } from './walk-context.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sampan-scope-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Files by their paths, links with their targets; what of that goes where patterns are needed. */
function sent(tree: Readonly<Record<string, string>>, ...patterns: string[]): string[] {
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  for (const [path, target] of Object.entries(tree)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    if (target === '') writeFileSync(join(directory, path), path);
    else symlinkSync(target, join(directory, path));
  }
  const nothing = new Map<string, Uint8Array>();
  const all = { directory, rules: undefined, always: new Set<string>(), rewritten: nothing, added: nothing };
  const { files } = scanScope(all, patterns);
  return [...walkContext(files)].map(({ path }) => path);
}

describe('the part of a context that is needed', () => {
  const tree = { 'a/b/c': '', 'a/d': '', 'e.json': '', 'f.json': '', 'g/h.txt': '', '[x]': '', x: '' };
  test.each([
    [['a/b'], ['a', 'a/b', 'a/b/c']],
    [['*.json'], ['e.json', 'f.json']],
    [
      ['?/*.txt', 'nothing'],
      ['a', 'g', 'g/h.txt'],
    ],
    [['\\[x\\]'], ['[x]']],
    [[], []],
  ])('by the patterns %j is %j', (patterns, paths) => {
    expect(sent(tree, ...patterns)).toEqual(paths);
  });

  test('has what links lead to that are asked for or on the way, and not what those below lead to', () => {
    const links = {
      'l/in': '../r/s',
      'r/s/f': '',
      'r/s/up': '../t',
      'r/t': 'u',
      'r/u/g': '',
      'r/u/far': '/v',
      'v/x': '',
    };
    expect(sent(links, 'l/in')).toEqual(['l', 'l/in', 'r', 'r/s', 'r/s/f', 'r/s/up']);
    expect(sent(links, 'l/in/up/g')).toEqual([...['l', 'l/in', 'r', 'r/s', 'r/s/up', 'r/t', 'r/u', 'r/u/g']]);
    expect(sent(links, 'r/t/*/x')).toEqual(['r', 'r/t', 'r/u', 'r/u/far', 'v', 'v/x']);
    expect(sent({ a: '/b', 'b/c': '', d: '' }, 'a/../d')).toContain('d');
  });

  test('is everything where links lead to the top, in circles or behind a pattern of any depth', () => {
    expect(sent({ 'a/top': '..', f: '' }, 'a/top')).toContain('f');
    expect(sent({ 'a/b/c': '../../d', 'd/f': '', g: '' }, '**/c')).toContain('g');
    expect(sent({ a: 'b/x', b: 'a/y', f: '' }, 'a')).toContain('f');
  });

  test('never leaves out what a pattern means without links', () => {
    const names = fc.constantFrom('a', 'b', 'ab', '*', '?', 'a*');
    const patterns = fc.array(fc.array(names, { minLength: 1, maxLength: 3 }).map((each) => each.join('/')));
    const paths = fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(patterns, paths, (wanted, path) => {
        const isMeant = wanted.some((pattern) => {
          const segments = pattern.split('/');
          return (
            segments.length <= path.length &&
            segments.every((segment, index) => new Bun.Glob(segment).match(path[index] ?? ''))
          );
        });
        expect(scopeRules(wanted).ignores(path.join('/'))).toBe(!isMeant);
      }),
    );
  });

  test('does not grow without end', () => {
    const links = Array.from({ length: 1200 }, (_, index) => ({ path: `l${index}`, target: `t${index}` }));
    expect(followLinks(['*'], links)).toBeUndefined();
    expect(followLinks(['*'], links.slice(0, 10))).toHaveLength(11);
  });
});
