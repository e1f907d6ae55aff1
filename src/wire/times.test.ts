import { describe, expect, test } from 'bun:test';
import { formatNanoseconds, formatTime } from './times.ts';

describe('times have as many digits as they need', () => {
  test.each([
    [1_700_000_000_000_000_000n, '2023-11-14T22:13:20Z'],
    [1_700_000_000_120_000_000n, '2023-11-14T22:13:20.12Z'],
    [1_700_000_000_000_000_001n, '2023-11-14T22:13:20.000000001Z'],
  ])('%i', (nanoseconds, text) => expect(formatNanoseconds(nanoseconds)).toBe(text));

  test('of a Date', () => {
    expect(formatTime(new Date('2023-11-14T22:13:20.120Z'))).toBe('2023-11-14T22:13:20.12Z');
    expect(formatTime(new Date('2023-11-14T22:13:10.000Z'))).toBe('2023-11-14T22:13:10Z');
  });
});
