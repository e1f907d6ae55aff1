import { expect, test } from 'bun:test';
import { withoutUser } from './git-url.ts';

test.each([
  ['https://user:w@rd@host/path', 'https://host/path'],
  ['ssh://git@host/path', 'ssh://git@host/path'],
  ['https://host/a@b', 'https://host/a@b'],
])('git is given no password on its command line, but the name that SSH needs: %s', (given, shown) => {
  expect(withoutUser(given)).toBe(shown);
});
