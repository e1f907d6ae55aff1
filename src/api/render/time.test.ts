import { describe, expect, test } from 'bun:test';
import { formatNanoseconds, formatTime, humanDuration } from './time.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  [0, 'Less than a second'],
  [999, 'Less than a second'],
  [second, '1 second'],
  [59 * second, '59 seconds'],
  [minute, 'About a minute'],
  [119 * second, 'About a minute'],
  [2 * minute, '2 minutes'],
  [59 * minute, '59 minutes'],
  [hour, 'About an hour'],
  [1.4 * hour, 'About an hour'],
  [1.5 * hour, '2 hours'],
  [47 * hour, '47 hours'],
  [2 * day, '2 days'],
  [13 * day, '13 days'],
  [14 * day, '2 weeks'],
  [59 * day, '8 weeks'],
  [60 * day, '2 months'],
  [729 * day, '24 months'],
  [730 * day, '2 years'],
])('%i ms is "%s"', (milliseconds, words) => {
  expect(humanDuration(milliseconds)).toBe(words);
});

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
