import { internal, invalid, SampanError } from '../base/errors.ts';
import type { Endpoint, EndpointRequest, Network, NetworkPool } from './contract.ts';
import { contains, formatIp, type IpAddress, parseInterfaceAddress, parseIp } from './ip.ts';
import { AddressPool, macAddressFor } from './ipam.ts';
import { newId } from './store.ts';

/** Who is in a network, with which addresses. Nothing here waits, so that no address is given twice. */
export class Membership {
  readonly network: Network;
  /** The predefined networks' addresses are the engine's alone to choose. */
  readonly #addressesByHand: boolean;
  readonly #pools: readonly PoolInUse[];
  readonly #endpoints = new Map<string, Endpoint>();

  constructor(network: Network, addressesByHand = true) {
    this.network = network;
    this.#addressesByHand = addressesByHand;
    this.#pools = network.ipam.map(openPool);
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  /** How many addresses are held, the network's own included. */
  get addressesHeld(): number {
    return this.#pools.reduce((sum, { addresses }) => sum + addresses.used, 0);
  }

  /** Allocates addresses and adds the endpoint, without ports and host's interface. Fails in Docker's words. */
  join(request: EndpointRequest): Endpoint {
    const { network } = this;
    this.#checkRequested(request);
    const ipv4 = this.#take(4, request.ipv4Address);
    let ipv6: Taken | undefined;
    try {
      ipv6 = this.#take(6, request.ipv6Address);
    } catch (error) {
      if (ipv4 !== undefined) ipv4.pool.addresses.release(ipv4.address);
      throw error;
    }
    const address = ipv4?.address ?? ipv6?.address;
    const endpoint: Endpoint = {
      networkId: network.id,
      networkName: network.name,
      endpointId: newId(),
      containerId: request.containerId,
      containerName: request.containerName,
      macAddress: request.macAddress?.toLowerCase().replaceAll('-', ':') ?? defaultMac(address),
      ipv4Address: ipv4 === undefined ? '' : formatIp(ipv4.address),
      ipv4PrefixLength: ipv4?.pool.addresses.subnet.prefixLength ?? 0,
      gateway: ipv4?.pool.gateway ?? '',
      ipv6Address: ipv6 === undefined ? '' : formatIp(ipv6.address),
      ipv6PrefixLength: ipv6?.pool.addresses.subnet.prefixLength ?? 0,
      ipv6Gateway: ipv6?.pool.gateway ?? '',
      interfaceName: request.interfaceName,
      hostInterface: '',
      ports: [],
      names: request.names,
      links: request.links,
    };
    this.#endpoints.set(endpoint.endpointId, endpoint);
    return endpoint;
  }

  /** Says more of an endpoint that has joined. */
  update(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.endpointId, endpoint);
  }

  /** Takes in an endpoint of a container that runs already. */
  restore(endpoint: Endpoint): void {
    for (const address of addressesOf(endpoint)) {
      for (const { addresses } of this.#pools) addresses.reserve(address);
    }
    this.#endpoints.set(endpoint.endpointId, endpoint);
  }

  /** Gives the addresses back; false if it was not here. */
  leave({ endpointId }: Endpoint): boolean {
    const endpoint = this.#endpoints.get(endpointId);
    if (endpoint === undefined) return false;
    this.#endpoints.delete(endpointId);
    for (const address of addressesOf(endpoint)) {
      for (const { addresses } of this.#pools) addresses.release(address);
    }
    return true;
  }

  #checkRequested(request: EndpointRequest): void {
    const asked = [request.ipv4Address, request.ipv6Address].filter((text) => text !== undefined);
    if (asked.length === 0) return;
    if (!this.#addressesByHand) {
      throw invalid('user specified IP address is supported on user defined networks only');
    }
    for (const [index, text] of [request.ipv4Address, request.ipv6Address].entries()) {
      if (text === undefined) continue;
      const family = index === 0 ? 4 : 6;
      const address = parseIp(text);
      if (address?.family !== family) throw invalid(`invalid IPv${family} address: ${text}`);
      const pools = this.#pools.filter(({ addresses }) => addresses.subnet.family === family);
      if (!pools.some(({ chosen }) => chosen)) {
        throw this.#badSettings(
          'user specified IP address is supported only when connecting to networks with user configured subnets',
        );
      }
      if (!pools.some(({ addresses }) => contains(addresses.subnet, address))) {
        throw this.#badSettings(`no configured subnet contains IP address ${text}`);
      }
    }
  }

  #badSettings(problem: string): SampanError {
    return invalid(`invalid config for network ${this.network.name}: invalid endpoint settings:\n${problem}`);
  }

  /** Undefined where the network has no such family. */
  #take(family: 4 | 6, text: string | undefined): Taken | undefined {
    const pools = this.#pools.filter(({ addresses }) => addresses.subnet.family === family);
    if (pools.length === 0) return undefined;
    const wanted = text === undefined ? undefined : parseIp(text);
    for (const pool of pools) {
      if (wanted === undefined) {
        const address = pool.addresses.allocate();
        if (address !== undefined) return { pool, address };
      } else if (pool.addresses.reserve(wanted)) return { pool, address: wanted };
    }
    if (wanted !== undefined) throw new SampanError('permission-denied', 'Address already in use');
    const { name, id } = this.network;
    throw internal(`no available IPv${family} addresses on this network's address pools: ${name} (${id})`);
  }
}

interface PoolInUse {
  readonly addresses: AddressPool;
  readonly gateway: string;
  readonly chosen: boolean;
}

interface Taken {
  readonly pool: PoolInUse;
  readonly address: IpAddress;
}

/** Docker's names of auxiliary addresses that containers have as gateways in place of the bridge's own. */
export const otherGateway = { 4: 'DefaultGatewayIPv4', 6: 'DefaultGatewayIPv6' } as const;

/** The gateway's and the auxiliary addresses are in use from the start. */
function openPool({ subnet, ipRange, gateway, auxiliary, chosen }: NetworkPool): PoolInUse {
  const range = ipRange === '' ? undefined : parseInterfaceAddress(ipRange).subnet;
  const addresses = new AddressPool(parseInterfaceAddress(subnet).subnet, range);
  for (const text of [gateway, ...Object.values(auxiliary)]) {
    const address = parseIp(text);
    if (address !== undefined) addresses.reserve(address);
  }
  const other = auxiliary[otherGateway[addresses.subnet.family]];
  return { addresses, gateway: other ?? gateway, chosen: chosen.subnet };
}

function addressesOf({ ipv4Address, ipv6Address }: Endpoint): readonly IpAddress[] {
  return [ipv4Address, ipv6Address].flatMap((text) => parseIp(text) ?? []);
}

function defaultMac(address: IpAddress | undefined): string {
  return address === undefined ? '' : macAddressFor(address);
}
