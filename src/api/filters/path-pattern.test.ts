import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { pathPattern } from './path-pattern.ts';

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['a*', 'abc', true],
  ['a*', 'a/b', false],
  ['*/b', 'a/b', true],
  ['*a*b', 'xaxab', true],
  ['*x*y', 'ax/xy', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['[a-c]x', 'bx', true],
  ['[^a-c]x', 'bx', false],
  ['[\\]]', ']', true],
  ['a.c', 'abc', false],
  ['a\\*c', 'a*c', true],
  ['(', '(', true],
  ['[', '[', true],
  [`${'*a'.repeat(400)}b`, 'a'.repeat(5000), false],
])('%p on %p is %p', (pattern, text, expected) => expect(pathPattern(pattern)(text)).toBe(expected));

test('stars match what a regular expression says they do', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 });
  const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 6 });
  fc.assert(
    fc.property(patterns, word, (pattern, text) => {
      const regex = new RegExp(`^${pattern.replace(/\*+/g, '[^/]*').replaceAll('?', '[^/]')}$`);
      expect(pathPattern(pattern)(text)).toBe(regex.test(text));
    }),
  );
});
