import { expect, test } from 'bun:test';
import { withoutCredentials } from './without-credentials.ts';

test.each([
  ['https://user:word@host/path', 'https://host/path'],
  ['HTTPS://user@host:8080/a@b?c@d#e@f', 'HTTPS://host:8080/a@b?c@d#e@f'],
  ['https://user:w@rd@host/path', 'https://host/path'],
  ['https://user:word@host', 'https://host'],
  ['https://host?to=a@b', 'https://host?to=a@b'],
  ['git@host:path', 'git@host:path'],
  ['just a text with an @', 'just a text with an @'],
])('an address is shown without credentials: %s', (given, shown) => {
  expect(withoutCredentials(given)).toBe(shown);
});
