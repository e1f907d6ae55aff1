import { expect, test } from 'bun:test';
import { BuildRecord } from '../protobuf/history-messages.ts';
import { recordFilter } from './filters.ts';

const hour = 3_600;
const now = Math.floor(Date.now() / 1_000);

const record = BuildRecord.decode(
  BuildRecord.encode({
    ref: 'abcdef',
    created: { seconds: BigInt(now - 2 * hour) },
    completed: { seconds: BigInt(now - 2 * hour + 90) },
    frontendAttributes: { 'vcs:source': 'https://example.org/repo.git' },
  }),
);

test.each([
  ['ref~=bcd', true],
  ['ref==bcd', false],
  ['ref!=bcd', true],
  ['status==completed', true],
  ['status==running', false],
  ['repository~=example.org', true],
  ['startedAt>=3h', true],
  ['startedAt>1h', false],
  ['startedAt<2100-01-01T00:00:00Z', true],
  ['completedAt<=1h', true],
  ['duration>1m', true],
  ['duration<1m,status==completed', false],
  ['', true],
])('the filter %j takes a build that ended well two hours ago: %j', (filter, isTaken) => {
  expect(recordFilter([filter])(record)).toBe(isTaken);
});

test.each(['ref', 'nothing==x', 'startedAt>=never', 'duration>2100-01-01T00:00:00Z', 'status>=completed'])(
  'the filter %j is refused',
  (filter) => {
    expect(() => recordFilter([filter])).toThrow('invalid');
  },
);

test('of several filters one is enough', () => {
  expect(recordFilter(['ref==none', 'status==completed'])(record)).toBe(true);
});
