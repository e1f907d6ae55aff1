import { broadcastOf, contains, type Ipv4, ipv4Bytes, type Subnet, sizeOf } from './ipv4.ts';
import { formatMac } from './netlink/links.ts';

/**
 * Which addresses of a subnet are in use, one bit for each. Addresses are handed out in a circle, so that one that was just given
 * back rests for as long as possible: others may still remember who had it.
 */
export class AddressPool {
  readonly subnet: Subnet;
  readonly #used: Uint32Array;
  #next: number;

  /** The gateway is in use from the start, like the addresses of the network and of broadcast. */
  constructor(subnet: Subnet, gateway: Ipv4) {
    this.subnet = subnet;
    this.#used = new Uint32Array(Math.ceil(sizeOf(subnet) / 32));
    if (subnet.prefixLength < 31) {
      this.#mark(0);
      this.#mark(sizeOf(subnet) - 1);
    }
    this.#mark(gateway - subnet.network);
    this.#next = (gateway - subnet.network + 1) % sizeOf(subnet);
  }

  /** The next free address; undefined when there is none. */
  allocate(): Ipv4 | undefined {
    const size = sizeOf(this.subnet);
    const offset = this.#firstFree(this.#next, size) ?? this.#firstFree(0, this.#next);
    if (offset === undefined) return undefined;
    this.#mark(offset);
    this.#next = (offset + 1) % size;
    return this.subnet.network + offset;
  }

  /** Takes this address; false if it is in use or lies outside. */
  reserve(address: Ipv4): boolean {
    if (!contains(this.subnet, address)) return false;
    const offset = address - this.subnet.network;
    if (this.#isUsed(offset)) return false;
    this.#mark(offset);
    return true;
  }

  release(address: Ipv4): void {
    if (!contains(this.subnet, address) || address === broadcastOf(this.subnet)) return;
    const offset = address - this.subnet.network;
    this.#used[offset >>> 5] = (this.#used[offset >>> 5] ?? 0) & ~(1 << (offset & 31));
  }

  #firstFree(from: number, to: number): number | undefined {
    for (let offset = from; offset < to; ) {
      if (this.#used[offset >>> 5] === 0xffffffff) offset = ((offset >>> 5) + 1) << 5;
      else if (this.#isUsed(offset)) offset += 1;
      else return offset;
    }
    return undefined;
  }

  #isUsed(offset: number): boolean {
    return (((this.#used[offset >>> 5] ?? 0) >>> (offset & 31)) & 1) === 1;
  }

  #mark(offset: number): void {
    this.#used[offset >>> 5] = (this.#used[offset >>> 5] ?? 0) | (1 << (offset & 31));
  }
}

/**
 * The MAC address that belongs to an IPv4 address: "02:42:" and its bytes. An address that passes from one container to the next keeps
 * its MAC, so that nobody's ARP cache goes stale.
 */
export function macAddressFor(address: Ipv4): string {
  return formatMac(Uint8Array.of(0x02, 0x42, ...ipv4Bytes(address)));
}
