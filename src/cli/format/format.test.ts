import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { ellipsis } from './ellipsis.ts';
import { parseExactJson } from './exact-json.ts';
import { compactJson, indentJson } from './json-text.ts';
import { compareNaturally } from './natural-order.ts';
import { displayPorts } from './ports.ts';
import { goQuote } from './quote.ts';
import { alignTabs, tableTabs } from './tabwriter.ts';
import { formatAsctime, formatRfc3339Nano, parseTimestamp } from './time.ts';

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

describe('times', () => {
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
