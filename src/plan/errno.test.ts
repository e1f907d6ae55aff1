import { expect, test } from 'bun:test';
import { constants } from 'node:os';
import { errno, errnoName } from './errno.ts';

test('errnoName has the numbers of this system and the texts of Go', () => {
  const aliases = new Set(['EWOULDBLOCK', 'EOPNOTSUPP', 'ENOTSUP', 'EDEADLOCK']);
  for (const [name, number] of Object.entries(constants.errno)) {
    if (!aliases.has(name)) expect(errnoName(number).name).toBe(name);
  }
  expect(errnoName(2)).toEqual({ name: 'ENOENT', message: 'no such file or directory' });
  expect(errnoName(18).message).toBe('invalid cross-device link');
  expect(errnoName(4095)).toEqual({ name: 'E4095', message: 'errno 4095' });
});

test('each errno that callers look for is the one of that name', () => {
  for (const [name, number] of Object.entries(errno)) expect(errnoName(number).name).toBe(name);
});
