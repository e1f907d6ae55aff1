import { expect, test } from 'bun:test';
import { checkUlimit, parseUlimit } from './ulimits.ts';

test.each([
  ['nofile=1024:2048', { Name: 'nofile', Soft: 1024, Hard: 2048 }],
  ['core=0', { Name: 'core', Soft: 0, Hard: 0 }],
  ['memlock=-1:-1', { Name: 'memlock', Soft: -1, Hard: -1 }],
  ['cpu=10:-1', { Name: 'cpu', Soft: 10, Hard: -1 }],
])('%s is a limit', (text, limit) => expect(parseUlimit(text)).toEqual(limit));

test.each([
  ['nofile', 'invalid ulimit argument: nofile'],
  ['files=1', 'invalid ulimit type: files'],
  ['nofile=1:2:3', 'too many limit value arguments - 1:2:3'],
  ['nofile=x', 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['nofile=2:1', 'ulimit soft limit must be less than or equal to hard limit: 2 > 1'],
  ['nofile=-1:1', 'soft: -1 (unlimited), hard: 1'],
])('%s is refused', (text, message) => expect(() => parseUlimit(text)).toThrow(message));

test('limits in requests may have names in capitals', () => {
  expect(() => checkUlimit({ Name: 'NOFILE', Soft: 1, Hard: 1 })).not.toThrow();
});
