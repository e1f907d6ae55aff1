import { expect, test } from 'bun:test';
import { parseDetachKeys } from './detach-keys.ts';

test.each([
  ['', [16, 17]],
  ['ctrl-p,ctrl-q', [16, 17]],
  ['ctrl-@,ctrl-[,ctrl-_', [0, 27, 31]],
  ['a,b', [97, 98]],
])('%p are the bytes %j', (text, bytes) => expect([...parseDetachKeys(text)]).toEqual(bytes));

test.each(['ctrl-', 'ctrl-1', 'ab', 'a,,b', 'é', 'ctrl-p,'])('%p are refused', (text) => {
  expect(() => parseDetachKeys(text)).toThrow(`Invalid detach keys (${text}) provided`);
});
