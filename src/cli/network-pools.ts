import { BlockList, isIP } from 'node:net';
import type { NetworkCreateRequest } from '../wire/network-types.ts';

/** The flags of `network create` that are about addresses. */
export interface PoolFlags {
  readonly subnet: readonly string[];
  readonly 'ip-range': readonly string[];
  readonly gateway: readonly string[];
  readonly 'aux-address': Readonly<Record<string, string>>;
}

type Pool = NonNullable<NonNullable<NonNullable<NetworkCreateRequest['IPAM']>['Config']>[number]>;

/** One entry for each subnet, with the range, gateway and addresses that lie in it. Throws an Error in Docker's words. */
export function poolsOf(flags: PoolFlags): Pool[] {
  const { subnet: subnets, gateway: gateways } = flags;
  const ranges = flags['ip-range'];
  if (subnets.length < ranges.length || subnets.length < gateways.length) {
    throw new Error('every ip-range or gateway must have a corresponding subnet');
  }
  const pools = new Map<string, Pool>();
  for (const subnet of subnets) {
    for (const other of pools.keys()) {
      if (!holds(other, addressOf(subnet)) && !holds(subnet, addressOf(other))) continue;
      throw new Error('multiple overlapping subnet configuration is not supported');
    }
    pools.set(subnet, { Subnet: subnet, AuxiliaryAddresses: {} });
  }
  const place = (key: 'IPRange' | 'Gateway', value: string, address: string, what: string): void => {
    const [subnet, pool] = poolOf(pools, address) ?? [];
    if (subnet === undefined || pool === undefined)
      throw new Error(`no matching subnet for ${what} ${value}`);
    if (pool[key] !== undefined) {
      throw new Error(
        what === 'range'
          ? `cannot configure multiple ranges (${value}, ${pool[key]}) on the same subnet (${subnet})`
          : `cannot configure multiple gateways (${value}, ${pool[key]}) for the same subnet (${subnet})`,
      );
    }
    pools.set(subnet, { ...pool, [key]: value });
  };
  for (const range of ranges) place('IPRange', range, addressOf(range), 'range');
  for (const gateway of gateways) place('Gateway', gateway, gateway, 'gateway');
  for (const [name, address] of Object.entries(flags['aux-address'])) {
    const [subnet, pool] = poolOf(pools, address) ?? [];
    if (subnet === undefined || pool === undefined) {
      throw new Error(`no matching subnet for aux-address ${address}`);
    }
    pools.set(subnet, { ...pool, AuxiliaryAddresses: { ...pool.AuxiliaryAddresses, [name]: address } });
  }
  return [...pools.values()].map(({ AuxiliaryAddresses: auxiliary, Subnet, IPRange, Gateway }) => ({
    ...(Subnet === undefined ? {} : { Subnet }),
    ...(IPRange === undefined ? {} : { IPRange }),
    ...(Gateway === undefined ? {} : { Gateway }),
    ...(Object.keys(auxiliary ?? {}).length === 0 ? {} : { AuxiliaryAddresses: auxiliary ?? {} }),
  }));
}

function poolOf(pools: ReadonlyMap<string, Pool>, address: string): [string, Pool] | undefined {
  return [...pools].find(([subnet]) => holds(subnet, address));
}

function addressOf(subnet: string): string {
  return subnet.split('/', 1)[0] ?? '';
}

function holds(subnet: string, address: string): boolean {
  const [base = '', length = ''] = subnet.split('/', 2);
  const family = isIP(base);
  const bits = Number(length);
  const valid = family !== 0 && /^\d{1,3}$/.test(length) && bits <= (family === 4 ? 32 : 128);
  if (!valid) throw new Error(`invalid subnet: invalid CIDR address: ${subnet}`);
  if (isIP(address) !== family) return false;
  const list = new BlockList();
  list.addSubnet(base, bits, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
