import { expect, test } from 'bun:test';
import { pullMessage, pushMessage, transferProgress } from './progress.ts';

test('a transfer has numbers and a bar', () => {
  expect(transferProgress('Loading layer', 'abc', 512, 1024)).toEqual({
    status: 'Loading layer',
    progressDetail: { current: 512, total: 1024 },
    progress: `[${'='.repeat(25)}>${' '.repeat(24)}]  512B/1.024kB`,
    id: 'abc',
  });
});

test('a transfer of unknown length has only what is done', () => {
  expect(transferProgress('Importing', '', 123_456_789, 0).progress).toBe('123.5MB');
});

test.each([
  [1, 'Retrying in 1 second'],
  [5, 'Retrying in 5 seconds'],
])('a layer that is asked for again after %d tells the seconds', (seconds, status) => {
  const layer = `sha256:${'a'.repeat(64)}` as const;
  const expected = { status, progressDetail: {}, id: 'a'.repeat(12) };
  expect(pullMessage({ layer, step: 'retrying', current: 1, total: 4, seconds })).toEqual(expected);
  expect(pushMessage({ layer, step: 'retrying', current: 1, total: 4, seconds })).toEqual(expected);
});
