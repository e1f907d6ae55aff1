import { describe, expect, test } from 'bun:test';
import { parseTimestamp, untilFilter } from './timestamp.ts';

describe('parseTimestamp', () => {
  test.each([
    ['', undefined],
    ['0', 0n],
    ['1700000000', 1_700_000_000_000_000_000n],
    ['1700000000.5', 1_700_000_000_500_000_000n],
    ['1700000000.000000001', 1_700_000_000_000_000_001n],
    ['-1', -1_000_000_000n],
    ['2023-11-14T22:13:20Z', 1_700_000_000_000_000_000n],
    ['2023-11-14T23:13:20.000000007+01:00', 1_700_000_000_000_000_007n],
  ])('%p', (text, expected) => expect(parseTimestamp(text, 'since')).toBe(expected));

  test.each(['x', '1.', '1e9', '2023-11-14', '2023-99-14T22:13:20Z', '9'.repeat(40)])(
    '%p is refused',
    (text) => {
      expect(() => parseTimestamp(text, 'since')).toThrow('invalid since');
    },
  );
});

test.each([
  ['1h30m', Date.parse('2025-12-31T22:30:00Z')],
  ['1.5s', Date.parse('2025-12-31T23:59:58.5Z')],
  ['2025-01-01T00:00:00Z', Date.parse('2025-01-01T00:00:00Z')],
  ['1700000000', 1_700_000_000_000],
])('until %s', (text, expected) => {
  expect(untilFilter({ until: [text] }, new Date('2026-01-01T00:00:00Z'))).toBe(expected);
});
