import { randomBytes } from 'node:crypto';
import { internal, invalid, messageOf, SampanError } from '../base/errors.ts';
import type { Bridge } from './bridge.ts';
import type { ConnectedEndpoint, Endpoint, EndpointRequest, Network } from './contract.ts';
import { bridgeEndpointPlan, type HostIpv6 } from './endpoint-plan.ts';
import { AddressPool, macAddressFor } from './ipam.ts';
import { formatIpv4, type Ipv4, parseIpv4 } from './ipv4.ts';
import type { PortAllocator, WantedPort } from './ports.ts';
import { connectivityPrefix } from './publish-failure.ts';
import { newId } from './store.ts';

export interface BridgeNetworkOptions {
  readonly network: Network;
  readonly bridge: Bridge;
  readonly table: string;
  readonly mtu: number;
  readonly interContainer: boolean;
  readonly ipv6: HostIpv6;
  readonly ports: PortAllocator;
  /** The addresses of the host that a port published on "" is open on. */
  readonly defaultHostAddresses: readonly string[];
  /** Whether the subnet was the user's choice, so that addresses in it may be too. */
  readonly addressesByHand: boolean;
}

/** One bridge with its containers: who has which address, and what joining takes. Nothing here waits. */
export class BridgeNetwork {
  readonly network: Network;
  readonly gateway: Ipv4;
  readonly #options: BridgeNetworkOptions;
  readonly #pool: AddressPool;
  readonly #endpoints = new Map<string, Endpoint>();
  /** Ports of endpoints that this side chose, as "protocol/port". */
  readonly #chosen = new Map<string, ReadonlySet<string>>();

  constructor(options: BridgeNetworkOptions) {
    this.network = options.network;
    this.gateway = options.bridge.address;
    this.#options = options;
    this.#pool = new AddressPool(options.bridge.subnet, options.bridge.address);
  }

  /** Whether the bridge may be removed with the network. */
  get ownsBridge(): boolean {
    return this.#options.bridge.own;
  }

  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints.values()];
  }

  has(endpoint: Endpoint): boolean {
    return this.#endpoints.has(endpoint.endpointId);
  }

  /** Takes in an endpoint of a container that runs already. */
  restore(endpoint: Endpoint): void {
    this.#pool.reserve(parseIpv4(endpoint.ipv4Address) ?? 0);
    this.#options.ports.restore(endpoint.endpointId, endpoint.ports);
    this.#endpoints.set(endpoint.endpointId, endpoint);
  }

  connect(request: EndpointRequest): ConnectedEndpoint {
    const { bridge, table, mtu, interContainer, ipv6 } = this.#options;
    const endpointId = newId();
    const address = this.#takeAddress(request);
    const ports = this.#takePorts(request, endpointId, address);
    const endpoint: Endpoint = {
      networkId: this.network.id,
      networkName: this.network.name,
      endpointId,
      containerId: request.containerId,
      macAddress: request.macAddress ?? macAddressFor(address),
      ipv4Address: formatIpv4(address),
      ipv4PrefixLength: bridge.subnet.prefixLength,
      gateway: formatIpv4(bridge.address),
      hostInterface: this.#newInterfaceName(),
      ports,
    };
    this.#endpoints.set(endpointId, endpoint);
    const port = { table, bridgeName: bridge.name, bridgeIndex: bridge.index, mtu, interContainer, ipv6 };
    return { endpoint, plan: bridgeEndpointPlan(endpoint, port) };
  }

  /** Gives address and ports back; false if it was not connected. */
  disconnect(endpoint: Endpoint): boolean {
    if (!this.#endpoints.delete(endpoint.endpointId)) return false;
    this.#chosen.delete(endpoint.endpointId);
    this.#options.ports.release(endpoint.endpointId, endpoint.ports);
    this.#pool.release(parseIpv4(endpoint.ipv4Address) ?? 0);
    return true;
  }

  /** Whether the host port of this endpoint was chosen here, not by the user. */
  chose(endpoint: Endpoint, port: Endpoint['ports'][number]): boolean {
    return this.#chosen.get(endpoint.endpointId)?.has(`${port.protocol}/${port.hostPort}`) ?? false;
  }

  #takeAddress(request: EndpointRequest): Ipv4 {
    if (request.ipv4Address === undefined) {
      const address = this.#pool.allocate();
      if (address !== undefined) return address;
      const { name, id } = this.network;
      throw internal(`no available IPv4 addresses on this network's address pools: ${name} (${id})`);
    }
    if (!this.#options.addressesByHand) {
      throw invalid('user specified IP address is supported on user defined networks only');
    }
    const address = parseIpv4(request.ipv4Address);
    if (address === undefined) throw invalid(`invalid IPv4 address: ${request.ipv4Address}`);
    if (!this.#pool.reserve(address)) throw new SampanError('permission-denied', 'Address already in use');
    return address;
  }

  #takePorts(request: EndpointRequest, endpointId: string, address: Ipv4): Endpoint['ports'] {
    const wanted = request.ports.map(({ hostAddress, ...port }): WantedPort => {
      const hostAddresses = hostAddress === '' ? this.#options.defaultHostAddresses : [hostAddress];
      return { ...port, hostAddresses };
    });
    try {
      const ports = this.#options.ports.allocate(endpointId, wanted);
      const chosen = ports.filter((port) => port.chosen).map((port) => `${port.protocol}/${port.hostPort}`);
      if (chosen.length > 0) this.#chosen.set(endpointId, new Set(chosen));
      return ports.map(({ chosen: _, ...port }) => port);
    } catch (error) {
      this.#pool.release(address);
      throw internal(`${connectivityPrefix(request.containerName, endpointId)}${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** "veth" and seven hex digits, as Docker names the host's end. */
  #newInterfaceName(): string {
    const name = `veth${randomBytes(4).toString('hex').slice(0, 7)}`;
    const taken = this.endpoints.some(({ hostInterface }) => hostInterface === name);
    return taken ? this.#newInterfaceName() : name;
  }
}
