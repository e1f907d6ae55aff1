import { expect, test } from 'bun:test';
import { crc32c } from './crc32c.ts';

test('crc32c: the check value of the algorithm', () => {
  expect((crc32c(Buffer.from('123456789')) ^ 0xffffffff) >>> 0).toBe(0xe3069283);
});
