import { describe, expect, test } from 'bun:test';
import { bytesSize, humanSize, parseSize, significant } from './sizes.ts';

describe('sizes', () => {
  test.each([
    [0, '0B', '0B'],
    [999, '999B', '999B'],
    [1000, '1kB', '1000B'],
    [1536, '1.536kB', '1.5KiB'],
    [999_999, '1000kB', '976.6KiB'],
    [187_654_321, '187.7MB', '179MiB'],
  ])('%d', (bytes, human, binary) => {
    expect(humanSize(bytes)).toBe(human);
    expect(bytesSize(bytes)).toBe(binary);
  });

  test('significant rounds as C does', () => {
    expect([999.96, 0.00001234, 100, 1].map((value) => significant(value, 4))).toEqual([
      '1000',
      '1.234e-05',
      '100',
      '1',
    ]);
    expect(significant(999.96, 3)).toBe('1e+03');
  });

  test('parseSize reads what people write', () => {
    expect(['1', '1b', '1k', '1KB', '1 KiB', '1.5g', '2TiB'].map((text) => parseSize(text))).toEqual([
      1, 1, 1024, 1024, 1024, 1_610_612_736, 2_199_023_255_552,
    ]);
    expect(['10m', '1.5kb', '7'].map((text) => parseSize(text, 1000))).toEqual([10_000_000, 1500, 7]);
    for (const text of ['', 'x', '1x', '1kbb', '-1', '1.2.3', '1 2']) expect(() => parseSize(text)).toThrow();
  });
});
