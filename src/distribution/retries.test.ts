import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseRetryAfter } from './retries.ts';

describe('parseRetryAfter', () => {
  const now = Date.UTC(2026, 0, 1);
  test.each([
    [null, undefined],
    ['120', 120_000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', undefined],
    ['1e9', undefined],
  ])('reads %p', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test('is never negative', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        expect(parseRetryAfter(header, now) ?? 0).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
