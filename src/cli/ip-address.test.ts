import { expect, test } from 'bun:test';
import net from 'node:net';
import fc from 'fast-check';
import { isIP, isLoopback } from './ip-address.ts';

test('isIP agrees with node:net', () => {
  const nearly = fc
    .array(fc.constantFrom('1', '255', '256', '0', '01', 'a', 'ffff', '10000', ':', '::', '.', '%'), {
      maxLength: 16,
    })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearly), (address) => {
      // Zones are for links, not for what is said to a daemon.
      fc.pre(!address.includes('%'));
      expect(isIP(address)).toBe(net.isIP(address) as 0 | 4 | 6);
    }),
    { numRuns: 2000 },
  );
});

test('isLoopback knows both families', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1'].map(isLoopback)).toEqual([true, true, true]);
  expect(['10.0.0.1', '::2', '127.0.0'].map(isLoopback)).toEqual([false, false, false]);
});
