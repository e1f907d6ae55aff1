import { contains, type IpAddress, ipBytes, lastOf, type Subnet, sizeOf } from './ip.ts';
import { formatMac } from './netlink/links.ts';

/**
 * Which addresses of a subnet are in use. Addresses are handed out in a circle, so that one that was just given back rests for as long
 * as possible: others may still remember who had it.
 */
export class AddressPool {
  readonly subnet: Subnet;
  readonly #range: Subnet;
  readonly #used = new Set<bigint>();
  #next: bigint;

  /**
   * `range` is the part that addresses are handed out of, by default all. The network's own address, and IPv4's of broadcast, are in
   * use from the start.
   */
  constructor(subnet: Subnet, range: Subnet = subnet) {
    this.subnet = subnet;
    this.#range = range;
    this.#next = range.network;
    if (sizeOf(subnet) <= 2n) return;
    this.#used.add(subnet.network);
    if (subnet.family === 4) this.#used.add(lastOf(subnet).value);
  }

  /** How many addresses somebody holds, those of network and broadcast included. */
  get used(): number {
    return this.#used.size;
  }

  /** The next free address; undefined when there is none. */
  allocate(): IpAddress | undefined {
    const end = this.#range.network + sizeOf(this.#range);
    const value = this.#firstFree(this.#next, end) ?? this.#firstFree(this.#range.network, this.#next);
    if (value === undefined) return undefined;
    this.#used.add(value);
    this.#next = value + 1n === end ? this.#range.network : value + 1n;
    return { family: this.subnet.family, value };
  }

  /** Takes this address; false if it is in use or lies outside the subnet. */
  reserve(address: IpAddress): boolean {
    if (!contains(this.subnet, address) || this.#used.has(address.value)) return false;
    this.#used.add(address.value);
    return true;
  }

  /** For an address that was handed out or reserved. */
  release(address: IpAddress): void {
    if (contains(this.subnet, address)) this.#used.delete(address.value);
  }

  #firstFree(from: bigint, to: bigint): bigint | undefined {
    for (let value = from; value < to; value++) if (!this.#used.has(value)) return value;
    return undefined;
  }
}

/**
 * The MAC address that belongs to an address: "02:42:" and its last four bytes. An address that passes from one container to the next
 * keeps its MAC, so that nobody's neighbour cache goes stale.
 */
export function macAddressFor(address: IpAddress): string {
  return formatMac(Uint8Array.of(0x02, 0x42, ...ipBytes(address).slice(-4)));
}
