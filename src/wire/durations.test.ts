import { expect, test } from 'bun:test';
import { findDuration, humanDuration, parseDuration } from './durations.ts';

test('parseDuration reads Go’s durations', () => {
  expect(parseDuration('1h2m3.5s')).toBe(3_723_500_000_000n);
  expect(parseDuration('-1.5ms')).toBe(-1_500_000n);
  expect(parseDuration('0')).toBe(0n);
  for (const text of ['', '5', '5x', 's', '1.s.', '9999999999h'])
    expect(() => parseDuration(text)).toThrow('time: ');
});

test('findDuration tells what is none', () => {
  expect(findDuration('1.5s')).toBe(1_500_000_000n);
  expect(findDuration('2025-01-01')).toBeUndefined();
});

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
