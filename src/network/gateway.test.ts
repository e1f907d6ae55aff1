import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { chooseGateways, type GatewayCandidate } from './gateway.ts';

const candidate = (name: string, more: Partial<GatewayCandidate> = {}): GatewayCandidate => {
  return { name, priority: 0, ipv4: true, ipv6: false, ...more };
};

test('the highest priority leads out, then who leads in both families, then the first name', () => {
  const low = candidate('a', { priority: -1, ipv6: true });
  const plain = candidate('b');
  const both = candidate('c', { ipv6: true });
  const first = candidate('d', { priority: 2, ipv4: false });
  expect(chooseGateways([low, plain]).ipv4).toBe(plain);
  expect(chooseGateways([candidate('z'), plain]).ipv4).toBe(plain);
  expect(chooseGateways([plain, both])).toEqual({ ipv4: both, ipv6: both });
  expect(chooseGateways([first, low])).toEqual({ ipv4: low, ipv6: low });
  expect(chooseGateways([first])).toEqual({ ipv4: undefined, ipv6: undefined });
});

test('the choice does not depend on the order, and leads where it says', () => {
  const candidates = fc.uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 3 }),
      priority: fc.integer({ min: -2, max: 2 }),
      ipv4: fc.boolean(),
      ipv6: fc.boolean(),
    }),
    { selector: ({ name }) => name, maxLength: 5 },
  );
  fc.assert(
    fc.property(candidates, (list) => {
      const chosen = chooseGateways(list);
      expect(chooseGateways(list.toReversed())).toEqual(chosen);
      expect(chosen.ipv4?.ipv4 ?? true).toBe(true);
      expect(chosen.ipv6?.ipv6 ?? true).toBe(true);
      expect(chosen.ipv4 === undefined).toBe(!list.some(({ ipv4 }) => ipv4));
    }),
  );
});
