import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseListing } from '../../build/context-listing.ts';
import { listingsOf } from './context-listings.ts';
import type { FileStat } from './diff-copy.ts';

const DIRECTORY = 2 ** 31;
const LINK = 1 << 27;
const PIPE = 1 << 25;
const NOW = Date.now();
const LONG_AGO = 1_700_000_000_123_456_789n;

function stat(path: string, more: Partial<FileStat> = {}): FileStat {
  return {
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 3,
    modified: LONG_AGO,
    linkName: '',
    ...more,
  } as FileStat;
}

const stampOf = (modified: bigint): string | undefined =>
  listingsOf([stat('f', { modified })], NOW)[0]?.entries[0]?.stamp;

describe('the listings of what a client says of its files', () => {
  test('have each directory with what is in it, whatever the order, and read back as they were', () => {
    const stats = [
      stat('d', { mode: DIRECTORY + 0o750 }),
      stat('d/e', { mode: DIRECTORY + 0o700 }),
      stat('d/e/f'),
      stat('d/g', { mode: 0o755 }),
      stat('l', { mode: LINK | 0o777, linkName: 'd/g', size: 3 }),
      stat('p', { mode: PIPE }),
      stat('z', { linkName: 'd/g', size: 0 }),
    ];
    const listings = listingsOf(stats, NOW);
    const seen = listings.map(({ text }) => parseListing(text));
    const file = { size: 3, seconds: 1_700_000_000, stamp: String(LONG_AGO), target: '' };
    expect(seen).toEqual([
      {
        ...{ path: '', mode: null, seconds: 0 },
        entries: [
          { ...file, name: 'l', mode: 0o120777, size: 0, target: 'd/g' },
          { ...file, name: 'z', mode: 0o100644 },
        ],
      },
      { path: 'd', mode: 0o750, seconds: 1_700_000_000, entries: [{ ...file, name: 'g', mode: 0o100755 }] },
      { path: 'd/e', mode: 0o700, seconds: 1_700_000_000, entries: [{ ...file, name: 'f', mode: 0o100644 }] },
    ]);
    expect(listings.flatMap(({ entries }) => entries.map(({ number }) => number))).toEqual([4, 6, 3, 2]);
  });

  test('are cut where a directory is large', () => {
    const many = Array.from({ length: 2001 }, (_, index) => stat(`f${index}`));
    expect(listingsOf(many, NOW).map(({ entries }) => entries.length)).toEqual([1000, 1000, 1]);
    expect(listingsOf([], NOW).map(({ entries }) => entries.length)).toEqual([0]);
  });

  test('have seconds rounded down, before the epoch too', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }), (modified) => {
        const seconds = listingsOf([stat('f', { modified })], NOW)[0]?.entries[0]?.seconds ?? Number.NaN;
        const rest = modified - BigInt(seconds) * 1_000_000_000n;
        expect(rest >= 0n && rest < 1_000_000_000n).toBe(true);
      }),
    );
  });

  test('are never the same of what has changed only just now', () => {
    const now = BigInt(NOW) * 1_000_000n;
    expect(stampOf(now - 1n)).not.toBe(stampOf(now - 1n));
    expect(stampOf(now - 150_000_001n)).toBe(String(now - 150_000_001n));
    const whole = (BigInt(NOW) / 1000n - 1n) * 1_000_000_000n;
    expect(stampOf(whole)).not.toBe(stampOf(whole));
  });
});
