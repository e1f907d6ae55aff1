import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { AddressPool, macAddressFor } from './ipam.ts';
import {
  contains,
  formatIpv4,
  formatSubnet,
  overlap,
  parseInterfaceAddress,
  parseIpv4,
  subnetOf,
} from './ipv4.ts';
import { firstFreeSubnet } from './subnets.ts';

function poolOf(text: string): AddressPool {
  const { address, subnet } = parseInterfaceAddress(text);
  return new AddressPool(subnet, address);
}

const next = (pool: AddressPool): string | undefined => {
  const address = pool.allocate();
  return address === undefined ? undefined : formatIpv4(address);
};

test('addresses are given in a circle, the freed one last', () => {
  const pool = poolOf('10.0.0.1/29');
  expect([next(pool), next(pool)]).toEqual(['10.0.0.2', '10.0.0.3']);
  pool.release(parseIpv4('10.0.0.2') ?? 0);
  expect([next(pool), next(pool), next(pool), next(pool)]).toEqual([
    '10.0.0.4',
    '10.0.0.5',
    '10.0.0.6',
    '10.0.0.2',
  ]);
  expect(next(pool)).toBeUndefined();
});

test('an address is reserved once, and only inside the subnet', () => {
  const pool = poolOf('10.0.0.1/24');
  const address = parseIpv4('10.0.0.2') ?? 0;
  expect(pool.reserve(address)).toBe(true);
  expect(pool.reserve(address)).toBe(false);
  expect(pool.reserve(parseIpv4('10.0.1.2') ?? 0)).toBe(false);
  expect(next(pool)).toBe('10.0.0.3');
});

test('a pool never gives an address twice, nor network, gateway or broadcast', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 22, max: 30 }),
      fc.array(fc.nat(), { maxLength: 60 }),
      (length, choices) => {
        const subnet = subnetOf(parseIpv4('10.9.0.0') ?? 0, length);
        const pool = new AddressPool(subnet, subnet.network + 1);
        const held = new Set<number>();
        for (const choice of choices) {
          const victim = [...held][choice % 5];
          if (choice % 3 === 0 && victim !== undefined) {
            pool.release(victim);
            held.delete(victim);
            continue;
          }
          const address = pool.allocate();
          if (address === undefined) continue;
          expect(held.has(address)).toBe(false);
          expect(contains(subnet, address)).toBe(true);
          expect([0, 1, 2 ** (32 - length) - 1]).not.toContain(address - subnet.network);
          held.add(address);
        }
      },
    ),
  );
});

test("a MAC address follows from the container's address", () => {
  expect(macAddressFor(parseIpv4('172.17.0.2') ?? 0)).toBe('02:42:ac:11:00:02');
});

test('IPv4 addresses survive writing and reading, and nothing else is one', () => {
  fc.assert(
    fc.property(fc.nat({ max: 0xffffffff }), (address) =>
      expect(parseIpv4(formatIpv4(address))).toBe(address),
    ),
  );
  for (const text of ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', '::1'])
    expect(parseIpv4(text)).toBeUndefined();
  expect(() => parseInterfaceAddress('10.0.0.1')).toThrow('invalid CIDR address: 10.0.0.1');
});

test('the first free subnet touches nothing that is taken', () => {
  const subnet = (text: string) => parseInterfaceAddress(text).subnet;
  expect(formatSubnet(firstFreeSubnet([]))).toBe('172.17.0.0/16');
  expect(formatSubnet(firstFreeSubnet([subnet('172.17.9.0/24'), subnet('172.18.0.0/15')]))).toBe(
    '172.20.0.0/16',
  );
  expect(formatSubnet(firstFreeSubnet([subnet('172.16.0.0/12'), subnet('192.168.1.0/24')]))).toBe(
    '192.168.16.0/20',
  );
  expect(() => firstFreeSubnet([subnet('0.0.0.0/0')])).toThrow(
    'all predefined address pools have been fully subnetted',
  );
  expect(overlap(subnet('10.0.0.0/8'), subnet('10.1.0.0/16'))).toBe(true);
});
