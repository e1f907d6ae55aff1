import { internal } from '../base/errors.ts';
import type { PortRequest, Protocol, PublishedPort } from './contract.ts';

/** A port that was asked for, with the addresses of the host on which it is to be open. */
export interface WantedPort extends Omit<PortRequest, 'hostAddress'> {
  readonly hostAddresses: readonly string[];
  /** The one of those that are acceptable that it had before. */
  readonly before?: number | undefined;
}

export interface AllocatedPort extends PublishedPort {
  /** Chosen by the allocator, not by the user: another one would do as well. */
  readonly chosen: boolean;
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

interface Holding {
  readonly owner: string;
  readonly hostAddress: string;
}

/** How long a port that another program turned out to have is not offered again. */
const AVOID_MILLISECONDS = 60_000;

/**
 * Which host ports containers hold. It knows nothing of other programs' ports: binding does, and what binding finds taken is told
 * through `avoid`.
 */
export class PortAllocator {
  readonly #ephemeral: PortRange;
  readonly #now: () => number;
  readonly #held = new Map<string, Holding[]>();
  readonly #avoided = new Map<string, number>();
  readonly #cursors = new Map<Protocol, number>();

  constructor(ephemeral: PortRange, now: () => number = Date.now) {
    this.#ephemeral = ephemeral;
    this.#now = now;
  }

  /** All of `wanted` or nothing. Ports named exactly come first, so that no range takes them. Fails with `internal` in Docker's words. */
  allocate(owner: string, wanted: readonly WantedPort[]): readonly AllocatedPort[] {
    const order = [...wanted.keys()].sort((a, b) => rank(wanted[a]) - rank(wanted[b]) || a - b);
    const allocated: AllocatedPort[][] = wanted.map(() => []);
    try {
      for (const index of order) {
        const request = wanted[index];
        if (request !== undefined) allocated[index] = this.#allocateOne(owner, request);
      }
    } catch (error) {
      this.release(owner, allocated.flat());
      throw error;
    }
    return allocated.flat();
  }

  /** Takes ports that a running container has already. */
  restore(owner: string, ports: readonly PublishedPort[]): void {
    for (const port of ports) this.#hold(owner, port);
  }

  release(owner: string, ports: readonly PublishedPort[]): void {
    for (const { protocol, hostPort } of ports) {
      const key = keyOf(protocol, hostPort);
      const left = (this.#held.get(key) ?? []).filter((holding) => holding.owner !== owner);
      if (left.length === 0) this.#held.delete(key);
      else this.#held.set(key, left);
    }
  }

  /** Does not choose this port for a while: another program has it. */
  avoid(protocol: Protocol, port: number): void {
    this.#avoided.set(keyOf(protocol, port), this.#now() + AVOID_MILLISECONDS);
  }

  #allocateOne(owner: string, request: WantedPort): AllocatedPort[] {
    const { protocol, containerPort, hostAddresses } = request;
    const hostPort = this.#choosePort(request);
    const ports = hostAddresses.map((hostAddress) => ({
      protocol,
      containerPort,
      hostAddress,
      hostPort,
      chosen: isChosen(request),
    }));
    for (const port of ports) this.#hold(owner, port);
    return ports;
  }

  #choosePort(request: WantedPort): number {
    const { protocol, hostAddresses, hostPort, hostPortEnd, before } = request;
    const isFree = (port: number) => !hostAddresses.some((address) => this.#isHeld(protocol, address, port));
    if (before !== undefined && isFree(before)) return before;
    if (!isChosen(request)) {
      const taken = hostAddresses.find((address) => this.#isHeld(protocol, address, hostPort));
      if (taken === undefined) return hostPort;
      throw internal(`Bind for ${taken}:${hostPort} failed: port is already allocated`);
    }
    const range = hostPort === 0 ? this.#ephemeral : { first: hostPort, last: hostPortEnd };
    const start = hostPort === 0 ? (this.#cursors.get(protocol) ?? range.first) : range.first;
    const size = range.last - range.first + 1;
    for (let step = 0; step < size; step += 1) {
      const port = range.first + ((start - range.first + step) % size);
      if (this.#isAvoided(protocol, port) || !isFree(port)) continue;
      if (hostPort === 0) this.#cursors.set(protocol, port === range.last ? range.first : port + 1);
      return port;
    }
    throw internal('all ports are allocated');
  }

  #hold(owner: string, { protocol, hostPort, hostAddress }: PublishedPort): void {
    const key = keyOf(protocol, hostPort);
    const holdings = this.#held.get(key);
    if (holdings === undefined) this.#held.set(key, [{ owner, hostAddress }]);
    else holdings.push({ owner, hostAddress });
  }

  #isHeld(protocol: Protocol, hostAddress: string, port: number): boolean {
    const holdings = this.#held.get(keyOf(protocol, port)) ?? [];
    return holdings.some((holding) => exclude(holding.hostAddress, hostAddress));
  }

  #isAvoided(protocol: Protocol, port: number): boolean {
    const until = this.#avoided.get(keyOf(protocol, port));
    if (until === undefined) return false;
    if (until > this.#now()) return true;
    this.#avoided.delete(keyOf(protocol, port));
    return false;
  }
}

/**
 * Has each port that leaves a choice stay where it was `before`, as long as there are such. Those that leave the least choice come first, so that
 * none is taken for a port that could as well be another.
 */
export function preferring(
  wanted: readonly WantedPort[],
  before: readonly PublishedPort[],
): readonly WantedPort[] {
  if (before.length === 0) return wanted;
  const left = Map.groupBy(before, targetOf);
  const result = [...wanted];
  for (const [index, request] of [...wanted.entries()].sort(([, a], [, b]) => rank(a) - rank(b))) {
    const candidates = left.get(targetOf(request)) ?? [];
    const known = candidates.find((port) => isAcceptable(request, port));
    if (known === undefined) continue;
    const isTaken = (port: PublishedPort) => port.hostPort === known.hostPort && isAcceptable(request, port);
    left.set(
      targetOf(request),
      candidates.filter((port) => !isTaken(port)),
    );
    result[index] = { ...request, before: known.hostPort };
  }
  return result;
}

function targetOf({ protocol, containerPort }: Pick<PublishedPort, 'protocol' | 'containerPort'>): string {
  return `${protocol}/${containerPort}`;
}

/** Of ports to the same target. */
function isAcceptable(request: WantedPort, known: PublishedPort): boolean {
  const { hostPort, hostPortEnd, hostAddresses } = request;
  const inRange = hostPort === 0 || (known.hostPort >= hostPort && known.hostPort <= hostPortEnd);
  return known.hostPort !== 0 && inRange && hostAddresses.includes(known.hostAddress);
}

/** "32768\t60999\n", as /proc/sys/net/ipv4/ip_local_port_range has it; Linux's default for anything else. */
export function parsePortRange(text: string): PortRange {
  const [first, last] = text.trim().split(/\s+/).map(Number);
  const valid = first !== undefined && last !== undefined && first > 0 && first <= last && last <= 65535;
  return valid ? { first, last } : { first: 32768, last: 60999 };
}

function keyOf(protocol: Protocol, port: number): string {
  return `${protocol}/${port}`;
}

function isChosen(request: WantedPort): boolean {
  return request.hostPort === 0 || request.hostPort !== request.hostPortEnd;
}

function rank(request: WantedPort | undefined): number {
  if (request === undefined || request.hostPort === 0) return 2;
  return isChosen(request) ? 1 : 0;
}

/** Whether two sockets on the same port would exclude each other: the same address, or one of them every address of its family. */
function exclude(a: string, b: string): boolean {
  if (a.includes(':') !== b.includes(':')) return false;
  return a === b || isWildcard(a) || isWildcard(b);
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
