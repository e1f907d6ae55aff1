import { invalid, SampanError } from '../base/errors.ts';
import type { Network, NetworkPool, NetworkRequest, PoolRequest } from './contract.ts';
import {
  contains,
  firstOf,
  formatIp,
  formatSubnet,
  type IpAddress,
  lastOf,
  overlap,
  parseIp,
  parsePrefix,
  type Subnet,
  sameIp,
  sizeOf,
} from './ip.ts';

/** Subnets, ranges and gateways as they were asked for, checked. Fails with `invalid-argument`, all problems in one message. */
export function checkPools(pools: readonly PoolRequest[], enableIPv6: boolean): void {
  const problems = pools.flatMap((pool) => poolProblems(pool, enableIPv6));
  if (problems.length > 0) throw invalid(`invalid network config:\n${problems.join('\n')}`);
}

function poolProblems(
  { subnet: text, ipRange, gateway, auxiliary }: PoolRequest,
  enableIPv6: boolean,
): string[] {
  // Without a subnet the rest has nothing to be checked against: an address that Docker chooses may not hold it.
  const parsed = parsePrefix(text);
  if (parsed === undefined) return [`invalid subnet ${text}: invalid CIDR block notation`];
  const { subnet } = parsed;
  if (subnet.family === 6 && !enableIPv6) return [];
  const problems: string[] = [];
  if (!sameIp(parsed.address, firstOf(subnet))) {
    problems.push(`invalid subnet ${text}: it should be ${formatSubnet(subnet)}`);
  }
  problems.push(...rangeProblems(ipRange, subnet));
  const wrong = addressProblem(gateway, subnet);
  if (wrong !== undefined) problems.push(`invalid gateway ${gateway}: ${wrong}`);
  for (const [name, address] of Object.entries(auxiliary)) {
    const problem = addressProblem(address, subnet);
    if (problem !== undefined) problems.push(`invalid auxiliary address ${name}: ${problem}`);
  }
  return problems;
}

function rangeProblems(text: string, subnet: Subnet): string[] {
  if (text === '') return [];
  const parsed = parsePrefix(text);
  if (parsed === undefined) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  const range = parsed.subnet;
  if (range.family !== subnet.family) {
    return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.family} block`];
  }
  const problems: string[] = [];
  if (range.prefixLength < subnet.prefixLength) {
    problems.push(
      `invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${formatSubnet(subnet)}`,
    );
  }
  if (!sameIp(parsed.address, firstOf(range))) {
    problems.push(`invalid ip-range ${text}: it should be ${formatSubnet(range)}`);
  }
  if (!overlap(range, subnet)) {
    problems.push(`invalid ip-range ${text}: parent subnet ${formatSubnet(subnet)} doesn't contain ip-range`);
  }
  return problems;
}

function addressProblem(text: string, subnet: Subnet): string | undefined {
  if (text === '') return undefined;
  const address = parseIp(text);
  if (address === undefined) return 'invalid address';
  if (address.family !== subnet.family) return `parent subnet is an IPv${subnet.family} block`;
  return contains(subnet, address)
    ? undefined
    : `parent subnet ${formatSubnet(subnet)} doesn't contain this address`;
}

/** What the user chose of the pools: those of a family that the network lacks are passed over. */
export function chosenPools(
  request: Pick<NetworkRequest, 'pools'>,
  families: readonly (4 | 6)[],
): NetworkPool[] {
  return request.pools.flatMap((pool) => {
    const subnet = parsePrefix(pool.subnet)?.subnet;
    if (subnet === undefined || !families.includes(subnet.family)) return [];
    return [
      {
        subnet: formatSubnet(subnet),
        gateway: pool.gateway,
        ipRange: pool.ipRange,
        auxiliary: pool.auxiliary,
        chosen: { subnet: true, gateway: pool.gateway !== '' },
      },
    ];
  });
}

/** A pool of a subnet that nobody chose. */
export function automaticPool(subnet: Subnet): NetworkPool {
  const chosen = { subnet: false, gateway: false };
  return { subnet: formatSubnet(subnet), gateway: '', ipRange: '', auxiliary: {}, chosen };
}

/** The pool with a gateway: the first address of the range that nothing else has. */
export function withGateway(pool: NetworkPool): NetworkPool {
  if (pool.gateway !== '') return pool;
  const subnet = prefixOf(pool.subnet);
  const range = pool.ipRange === '' ? subnet : prefixOf(pool.ipRange);
  const auxiliary = Object.values(pool.auxiliary).flatMap((text) => parseIp(text) ?? []);
  const reserved = sizeOf(subnet) <= 2n ? auxiliary : [...auxiliary, ...reservedOf(subnet)];
  const end = range.network + sizeOf(range);
  for (let value = range.network; value < end; value++) {
    const address = { family: subnet.family, value };
    if (!reserved.some((other) => sameIp(other, address))) return { ...pool, gateway: formatIp(address) };
  }
  throw invalid(`no address is left in ${pool.subnet} for the gateway`);
}

function reservedOf(subnet: Subnet): readonly IpAddress[] {
  return subnet.family === 4 ? [firstOf(subnet), lastOf(subnet)] : [firstOf(subnet)];
}

/** Of a pool that has been checked. */
export function prefixOf(text: string): Subnet {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw invalid(`invalid CIDR address: ${text}`);
  return parsed.subnet;
}

/** Fails in Docker's words when subnets overlap with each other or with those of other networks. */
export function checkOverlap(pools: readonly NetworkPool[], others: readonly Network[]): void {
  const taken = others.flatMap(({ ipam }) => ipam.map(({ subnet }) => prefixOf(subnet)));
  for (const { subnet } of pools) {
    const own = prefixOf(subnet);
    if (taken.some((other) => overlap(own, other))) {
      throw new SampanError(
        'permission-denied',
        'invalid pool request: Pool overlaps with other one on this address space',
      );
    }
    taken.push(own);
  }
}

const drivers: ReadonlySet<string> = new Set(['bridge', 'macvlan', 'ipvlan']);

/** Fails in Docker's words for what cannot be asked for, subnets aside. */
export function checkNetwork(request: NetworkRequest): void {
  const { name, driver, scope, ipamDriver } = request;
  if (name.trim() === '') throw invalid(`invalid name: ${name}`);
  if (/^[0-9a-f]{64}$/.test(name)) throw invalid(`invalid name: ${name}: it looks like the ID of a network`);
  if (name.startsWith('container:') || name === 'default' || ['bridge', 'host', 'none'].includes(name)) {
    throw forbidden(`operation is not permitted on predefined ${name} network`);
  }
  if (request.ingress) throw forbidden('Ingress network can only be global scope network');
  if (scope !== '' && scope !== 'local') {
    throw forbidden(`cannot create a ${scope} scoped network when swarm is not active`);
  }
  if (driver === 'host' || driver === 'null') {
    throw forbidden(`only one instance of "${driver}" network is allowed`);
  }
  if (driver === 'overlay') {
    throw new SampanError(
      'unavailable',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  if (!drivers.has(driver)) throw new SampanError('not-found', `plugin "${driver}" not found`);
  if (ipamDriver !== '' && ipamDriver !== 'default') {
    throw new SampanError('not-found', `plugin "${ipamDriver}" not found`);
  }
  if (request.configOnly && request.configFrom !== '') {
    throw invalid('a network cannot be both a configuration of others and made from one');
  }
  if (request.enableIPv4 === false && request.enableIPv6 !== true) {
    throw invalid('IPv4 or IPv6 must be enabled');
  }
}

export function forbidden(message: string): SampanError {
  return new SampanError('permission-denied', message);
}
