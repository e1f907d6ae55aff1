import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseWarnings } from './warnings.ts';

describe('parseWarnings', () => {
  test.each([
    [null, []],
    ['299 - "soon"', ['soon']],
    ['299 registry.example:5000 "soon"', ['soon']],
    ['299 - "one", 299 - "two, or \\"three\\""', ['one', 'two, or "three"']],
    ['199 - "another kind"', []],
    ['299 - unquoted', []],
    ['299 - "red \u001b[31m alert"', ['red  [31m alert']],
  ])('reads %p', (header, expected) => {
    expect(parseWarnings(header)).toEqual(expected);
  });

  test('gives no control characters and no endless texts', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const told of parseWarnings(`299 - "${text}"`)) {
          expect(told).not.toMatch(/\p{Cc}/u);
          expect(told.length).toBeLessThanOrEqual(1_000);
        }
      }),
    );
  });
});
