import { expect, test } from 'bun:test';
import { transferProgress } from './progress.ts';

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
