import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ellipsis } from './ellipsis.ts';
import { parseExactJson } from './exact-json.ts';
import { compactJson, indentJson } from './json-text.ts';
import { compareNaturally } from './natural-order.ts';
import { displayPorts } from './ports.ts';
import { goQuote } from './quote.ts';
import { alignTabs, tableTabs } from './tabwriter.ts';
import { formatAsctime, formatRfc3339Nano, parseDuration, parseTimestamp } from './time.ts';
import { bytesSize, humanDuration, humanSize, parseSize, significant } from './units.ts';

describe('alignTabs', () => {
  test('makes columns as wide as their widest cell, and no narrower than the minimum', () => {
    expect(alignTabs('A\tB\tC\nlong long cell\tb\tc\n', tableTabs)).toBe(
      'A                B         C\nlong long cell   b         c\n',
    );
  });

  test('ends a column at a line that does not have it', () => {
    expect(alignTabs('a very long cell\tx\nplain\nb\ty\n', tableTabs)).toBe(
      'a very long cell   x\nplain\nb         y\n',
    );
  });

  test('counts wide characters as two', () => {
    expect(alignTabs('世界世界\tx\nabcdefgh\ty\n', tableTabs)).toBe('世界世界   x\nabcdefgh   y\n');
  });
});

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
    expect(['1', '1b', '1k', '1KB', '1 KiB', '1.5g', '2TiB'].map(parseSize)).toEqual([
      1, 1, 1024, 1024, 1024, 1_610_612_736, 2_199_023_255_552,
    ]);
    for (const text of ['', 'x', '1x', '1kbb', '-1', '1.2.3', '1 2']) expect(() => parseSize(text)).toThrow();
  });
});

test('humanDuration speaks as docker does', () => {
  const second = 1000;
  const day = 86_400 * second;
  const spoken = [
    0,
    second,
    59 * second,
    61 * second,
    3500 * second,
    5000 * second,
    3 * day,
    15 * day,
    70 * day,
    800 * day,
  ];
  expect(spoken.map(humanDuration)).toEqual([
    'Less than a second',
    '1 second',
    '59 seconds',
    'About a minute',
    '58 minutes',
    'About an hour',
    '3 days',
    '2 weeks',
    '2 months',
    '2 years',
  ]);
});

describe('times', () => {
  test('parseDuration reads Go’s durations', () => {
    expect(parseDuration('1h2m3.5s')).toBe(3_723_500_000_000n);
    expect(parseDuration('-1.5ms')).toBe(-1_500_000n);
    expect(parseDuration('0')).toBe(0n);
    for (const text of ['', '5', '5x', 's', '1.s.', '9999999999h'])
      expect(() => parseDuration(text)).toThrow('time: ');
  });

  test('parseTimestamp gives seconds and nanoseconds', () => {
    const now = Date.UTC(2025, 0, 1, 0, 10);
    expect(parseTimestamp('10m', now)).toBe('1735689600');
    expect(parseTimestamp('2025-01-01T00:00:00.5Z', now)).toBe('1735689600.500000000');
    expect(parseTimestamp('2025-01-01T01:00:00+01:00', now)).toBe('1735689600.000000000');
    expect(parseTimestamp('1735689600.25', now)).toBe('1735689600.25');
    expect(parseTimestamp('0', now)).toBe('0');
    expect(() => parseTimestamp('soon', now)).toThrow('failed to parse value as time or duration: "soon"');
  });

  test('formatAsctime leaves what is no time alone', () => {
    expect(formatAsctime('2025-11-05T04:43:18.000000000+02:00')).toBe('Wed Nov  5 04:43:18 2025');
    expect(formatAsctime('yesterday')).toBe('yesterday');
  });

  test('formatRfc3339Nano keeps nine digits', () => {
    expect(formatRfc3339Nano(1_748_606_834_000_000_001n)).toMatch(/:14\.000000001/);
  });
});

describe('JSON texts', () => {
  test('indentJson is JSON.stringify’s form with four blanks', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(indentJson(text)).toBe(JSON.stringify(value, null, 4));
        expect(compactJson(JSON.stringify(value, null, 3))).toBe(text);
      }),
    );
  });

  test('numbers too large for JavaScript stay what they are', () => {
    expect(indentJson('{"a":9223372036854771712}')).toContain('9223372036854771712');
    expect(parseExactJson('{"a":9223372036854771712,"b":1.5}')).toEqual({ a: 9223372036854771712n, b: 1.5 });
  });
});

test('goQuote escapes what cannot be seen', () => {
  expect(goQuote('a"b\\\n\t\x00é世\u200b')).toBe('"a\\"b\\\\\\n\\t\\x00é世\\u200b"');
});

test('ellipsis keeps to the columns', () => {
  expect(ellipsis('abcdef', 6)).toBe('abcdef');
  expect(ellipsis('abcdefg', 6)).toBe('abcde…');
  expect(ellipsis('世界世界', 5)).toBe('世界…');
});

test('compareNaturally orders numbers by value', () => {
  const names = ['x10', 'x9', 'x1', 'a', 'x010'];
  expect(names.sort(compareNaturally)).toEqual(['a', 'x1', 'x9', 'x10', 'x010']);
});

test('displayPorts joins neighbours', () => {
  const port = (PrivatePort: number, PublicPort?: number) => ({
    PrivatePort,
    Type: 'tcp',
    ...(PublicPort === undefined ? {} : { PublicPort, IP: '0.0.0.0' }),
  });
  expect(displayPorts([port(82, 82), port(80, 80), port(81, 81), port(90, 9000), port(5), port(7)])).toBe(
    '5/tcp, 7/tcp, 0.0.0.0:80-82->80-82/tcp, 0.0.0.0:9000->90/tcp',
  );
});
