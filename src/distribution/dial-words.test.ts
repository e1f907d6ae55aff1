import { expect, test } from 'bun:test';
import { dialWords } from './dial-words.ts';

test('a refused connection names address and port', async () => {
  const cause = await fetch('http://127.0.0.1:1/').catch((error: unknown) => error);
  expect(dialWords(new URL('http://127.0.0.1:1/v2/'), cause)).toBe(
    'dial tcp 127.0.0.1:1: connect: connection refused',
  );
  const refused = { code: 'ECONNREFUSED' };
  expect(dialWords(new URL('https://[::1]/v2/'), refused)).toBe(
    'dial tcp [::1]:443: connect: connection refused',
  );
});

test('a host without address is named; anything else speaks for itself', () => {
  const url = new URL('https://nowhere.invalid/v2/');
  expect(dialWords(url, { code: 'ENOTFOUND' })).toBe('dial tcp: lookup nowhere.invalid: no such host');
  expect(dialWords(url, { code: 'EAI_AGAIN' })).toContain('Temporary failure in name resolution');
  expect(dialWords(url, new Error('unknown certificate'))).toBe('unknown certificate');
});
