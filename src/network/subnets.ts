import { internal } from '../base/errors.ts';
import { overlap, parseInterfaceAddress, type Subnet, sizeOf } from './ipv4.ts';

/** Where Docker's default networks come from: 172.17 to 172.31 whole, then 192.168 in pieces of 4096 addresses. */
const defaultPools: readonly { readonly base: Subnet; readonly prefixLength: number }[] = [
  ...Array.from({ length: 15 }, (_, index) => pool(`172.${17 + index}.0.0/16`, 16)),
  pool('192.168.0.0/16', 20),
];

function pool(text: string, prefixLength: number) {
  return { base: parseInterfaceAddress(text).subnet, prefixLength };
}

/** The first subnet of the pools that touches none of `taken`. Fails with `internal` in Docker's words. */
export function firstFreeSubnet(taken: readonly Subnet[]): Subnet {
  for (const { base, prefixLength } of defaultPools) {
    const step = sizeOf({ network: 0, prefixLength });
    for (let network = base.network; network < base.network + sizeOf(base); network += step) {
      const subnet = { network, prefixLength };
      if (!taken.some((other) => overlap(subnet, other))) return subnet;
    }
  }
  throw internal('all predefined address pools have been fully subnetted', {
    hint: 'Choose a subnet that the host does not use with --bip.',
  });
}
