import { createHash } from 'node:crypto';
import { internal, invalid } from '../base/errors.ts';
import {
  ipFromBytes,
  overlap,
  parseInterfaceAddress,
  parsePrefix,
  type Subnet,
  sizeOf,
  subnetOf,
} from './ip.ts';

/** Where the subnets of networks come from that nobody chose one for: pieces of `size` bits of prefix. */
export interface SubnetPool {
  readonly base: Subnet;
  readonly size: number;
}

/** Docker's: 172.17 to 172.31 whole, then 192.168 in pieces of 4096 addresses. */
const defaultPools: readonly SubnetPool[] = [
  ...Array.from({ length: 15 }, (_, index) => poolOf(`172.${17 + index}.0.0/16`, 16)),
  poolOf('192.168.0.0/16', 20),
];

function poolOf(text: string, size: number): SubnetPool {
  return { base: parseInterfaceAddress(text).subnet, size };
}

/** Pieces of IPv6 for this host: 64 bits of prefix each, out of a unique local /48 that goes with `seed` (RFC 4193). */
function ownIpv6Pool(seed: string): SubnetPool {
  const hash = createHash('sha256').update(seed).digest();
  const address = ipFromBytes(Uint8Array.of(0xfd, ...hash.subarray(0, 5), ...new Uint8Array(10)));
  if (address === undefined) throw new Error('an IPv6 address has 16 bytes');
  return { base: subnetOf(address, 48), size: 64 };
}

/** Reads `default-address-pools`: "base=10.10.0.0/16,size=24". Fails with `invalid-argument`. */
export function parseAddressPool(text: string): SubnetPool {
  const fields = new Map(text.split(',').map((field) => field.split('=', 2) as [string, string | undefined]));
  const base = parsePrefix(fields.get('base') ?? '')?.subnet;
  const size = Number(fields.get('size') ?? Number.NaN);
  if (base === undefined || !Number.isInteger(size)) throw invalid(`invalid default address pool: ${text}`);
  if (size < base.prefixLength || size > (base.family === 4 ? 30 : 126)) {
    throw invalid(`invalid default address pool: ${text}: size ${size} does not fit into the base`);
  }
  return { base, size };
}

/** The configured pools, and the built-in ones of a family that none is configured of. */
export function completePools(configured: readonly SubnetPool[], seed: string): readonly SubnetPool[] {
  const has = (family: 4 | 6) => configured.some(({ base }) => base.family === family);
  return [...configured, ...(has(4) ? [] : defaultPools), ...(has(6) ? [] : [ownIpv6Pool(seed)])];
}

/** The first subnet of the family that touches none of `taken`. Fails with `internal` in Docker's words. */
export function firstFreeSubnet(
  taken: readonly Subnet[],
  family: 4 | 6 = 4,
  pools: readonly SubnetPool[] = defaultPools,
): Subnet {
  for (const { base, size } of pools) {
    if (base.family !== family) continue;
    const step = sizeOf({ family, prefixLength: size });
    const end = base.network + sizeOf(base);
    for (let network = base.network; network < end; ) {
      const subnet = { family, network, prefixLength: size };
      const obstacle = taken.find((other) => overlap(subnet, other));
      if (obstacle === undefined) return subnet;
      const beyond = obstacle.network + sizeOf(obstacle);
      network =
        beyond > network + step
          ? beyond + ((((base.network - beyond) % step) + step) % step)
          : network + step;
    }
  }
  throw internal('all predefined address pools have been fully subnetted', {
    hint: 'Choose a subnet that the host does not use, with --subnet or for the default bridge with --bip.',
  });
}
