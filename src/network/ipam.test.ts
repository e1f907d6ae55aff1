import { expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  contains,
  firstOf,
  formatIp,
  formatSubnet,
  type IpAddress,
  ipBytes,
  ipFromBytes,
  lastOf,
  overlap,
  parseInterfaceAddress,
  parseIp,
  subnetOf,
} from './ip.ts';
import { AddressPool, macAddressFor } from './ipam.ts';
import { completePools, firstFreeSubnet, parseAddressPool } from './subnets.ts';

const ip = (text: string): IpAddress => parseInterfaceAddress(`${text}/0`).address;
const subnet = (text: string) => parseInterfaceAddress(text).subnet;

function poolOf(text: string): AddressPool {
  const { address, subnet } = parseInterfaceAddress(text);
  const pool = new AddressPool(subnet);
  pool.reserve(address);
  return pool;
}

const next = (pool: AddressPool): string | undefined => {
  const address = pool.allocate();
  return address === undefined ? undefined : formatIp(address);
};

test('addresses are given in a circle, the freed one last', () => {
  const pool = poolOf('10.0.0.1/29');
  expect([next(pool), next(pool)]).toEqual(['10.0.0.2', '10.0.0.3']);
  pool.release(ip('10.0.0.2'));
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
  const address = ip('10.0.0.2');
  expect(pool.reserve(address)).toBe(true);
  expect(pool.reserve(address)).toBe(false);
  expect(pool.reserve(ip('10.0.1.2'))).toBe(false);
  expect(next(pool)).toBe('10.0.0.3');
});

test('a pool never gives an address twice, nor network, gateway or broadcast, nor one outside its range', () => {
  const bases = fc.constantFrom('10.9.0.0', 'fd00:9::');
  fc.assert(
    fc.property(
      bases,
      fc.integer({ min: 2, max: 10 }),
      fc.nat({ max: 3 }),
      fc.array(fc.nat(), { maxLength: 60 }),
      (base, bits, narrower, choices) => {
        const network = ip(base);
        const whole = network.family === 4 ? 32 : 128;
        const subnet = subnetOf(network, whole - bits);
        const range = subnetOf(lastOf(subnet), whole - Math.max(bits - narrower, 0));
        const pool = new AddressPool(subnet, range);
        const gateway = { family: network.family, value: network.value + 1n };
        expect(pool.reserve(gateway)).toBe(true);
        const held = new Set<bigint>();
        for (const choice of choices) {
          const victim = [...held][choice % 5];
          if (choice % 3 === 0 && victim !== undefined) {
            pool.release({ family: network.family, value: victim });
            held.delete(victim);
            continue;
          }
          const address = pool.allocate();
          if (address === undefined) continue;
          expect(held.has(address.value)).toBe(false);
          expect(contains(range, address)).toBe(true);
          expect([network.value, gateway.value]).not.toContain(address.value);
          if (network.family === 4) expect(address.value).not.toBe(lastOf(subnet).value);
          held.add(address.value);
        }
        expect(pool.used).toBe(held.size + 1 + (network.family === 4 ? 2 : 1));
      },
    ),
  );
});

test("a MAC address follows from the container's address", () => {
  expect(macAddressFor(ip('172.17.0.2'))).toBe('02:42:ac:11:00:02');
});

test('addresses survive writing and reading, and nothing else is one', () => {
  const addresses = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(addresses, (bytes) => {
      const address = ipFromBytes(bytes);
      if (address === undefined) throw new Error('bytes of this number are an address');
      expect(ipBytes(address)).toEqual(bytes);
      expect(parseIp(formatIp(address))).toEqual(address);
    }),
  );
  for (const text of ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', 'fe80::1%eth0', ':::'])
    expect(parseIp(text)).toBeUndefined();
  expect(() => parseInterfaceAddress('10.0.0.1')).toThrow('invalid CIDR address: 10.0.0.1');
  expect(() => parseInterfaceAddress('10.0.0.1/33')).toThrow('invalid CIDR address: 10.0.0.1/33');
});

test('IPv6 addresses are written as RFC 5952 wants it', () => {
  for (const [given, written] of [
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['fd00:0:1:2:3:4:5:6', 'fd00:0:1:2:3:4:5:6'],
  ] as const) {
    expect(formatIp(ip(given))).toBe(written);
  }
});

test('the first free subnet touches nothing that is taken', () => {
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
  expect(overlap(subnet('fd00::/64'), subnet('0.0.0.0/0'))).toBe(false);
});

test('configured pools stand in for the built-in ones of their family', () => {
  const pools = completePools([parseAddressPool('base=10.10.0.0/16,size=24')], 'seed');
  expect(formatSubnet(firstFreeSubnet([subnet('10.10.0.0/23')], 4, pools))).toBe('10.10.2.0/24');
  const ipv6 = firstFreeSubnet([], 6, pools);
  expect(formatSubnet(ipv6)).toMatch(/^fd[0-9a-f:]+::\/64$/);
  const next = firstFreeSubnet([ipv6], 6, pools);
  expect(firstOf(next).value - firstOf(ipv6).value).toBe(1n << 64n);
  for (const text of ['base=10.10.0.0/16', 'base=10.10.0.0/16,size=8', 'size=24', 'base=x,size=24'])
    expect(() => parseAddressPool(text)).toThrow('invalid default address pool');
});
