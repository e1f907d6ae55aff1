import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { progressCounts, progressLine } from './bar.ts';

describe('how far it is', () => {
  test('is told in sizes, or in the units of the message', () => {
    expect(progressCounts({ current: 1_200_000, total: 34_000_000 })).toBe('   1.2MB/34MB');
    expect(progressCounts({ current: 5 })).toBe('      5B');
    expect(progressCounts({ current: 9, total: 5 })).toBe('      9B');
    expect(progressCounts({ current: 2, total: 7, units: 'layers' })).toBe('2/7 layers');
    expect(progressCounts({ current: 2, units: 'layers' })).toBe('2 layers');
    expect(progressCounts({ current: 2, total: 7, hidecounts: true })).toBe('');
    expect(progressCounts({})).toBe('');
  });
});

describe('a line', () => {
  const message = { id: '0123456789ab', status: 'Extracting', progressDetail: { current: 50, total: 100 } };

  test('has a bar as long as there is room, of 50 characters at most', () => {
    expect(progressLine(message, 200)).toBe(
      `0123456789ab: Extracting  [${'='.repeat(25)}>${' '.repeat(25)}]      50B/100B`,
    );
    expect(progressLine(message, 60)).toBe('0123456789ab: Extracting  [=======>       ]      50B/100B');
    expect(progressLine(message, 50)).toBe('0123456789ab: Extracting       50B/100B');
  });

  test('never moves the cursor and is never wider than it may be', () => {
    fc.assert(
      fc.property(
        fc.record({
          id: fc.string({ unit: 'binary' }),
          status: fc.string({ unit: 'binary' }),
          progressDetail: fc.record({ current: fc.integer(), total: fc.integer() }),
        }),
        fc.integer({ min: 1, max: 200 }),
        (hostile, columns) => {
          const line = progressLine(hostile, columns);
          expect(line).not.toMatch(/\p{Cc}/u);
          expect(Bun.stringWidth(line)).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });
});
