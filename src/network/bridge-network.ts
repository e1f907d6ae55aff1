import { randomBytes } from 'node:crypto';
import { internal, messageOf } from '../base/errors.ts';
import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import type { BridgeSettings } from './bridge-settings.ts';
import {
  type Endpoint,
  type EndpointRequest,
  type Network,
  networkSlots,
  type PortRequest,
  type PublishedPort,
} from './contract.ts';
import { endpointSysctls } from './endpoint-options.ts';
import {
  addressMessages,
  defaultRoutes,
  type HostIpv6,
  insideContainer,
  interfaceIndex,
  type JoinSteps,
  withIpv6,
  writeSysctl,
} from './endpoint-plan.ts';
import type { FirewallBridge } from './firewall.ts';
import { type InterfaceAddress, parseInterfaceAddress } from './ip.ts';
import type { Joined, LiveNetwork } from './live-network.ts';
import { Membership } from './membership.ts';
import { addAddress } from './netlink/addresses.ts';
import { LOOPBACK_INDEX, protocol } from './netlink/constants.ts';
import {
  adoptBridge,
  attachToBridge,
  createBridge,
  createVethPair,
  deleteLink,
  getLink,
  isolatePort,
  raiseLink,
} from './netlink/links.ts';
import { netlinkOperation } from './netlink/message.ts';
import { type PortAllocator, preferring, type WantedPort } from './ports.ts';
import { connectivityPrefix } from './publish-failure.ts';

export interface BridgeNetworkOptions {
  readonly network: Network;
  readonly settings: BridgeSettings;
  /** Index of the bridge's interface, chosen or found. */
  readonly index: number;
  /** Whether the interface is there already. */
  readonly existing: boolean;
  /** Of the interface, if it is to be made. */
  readonly macAddress: string;
  readonly ipv6: HostIpv6;
  readonly ports: PortAllocator;
  /** Where a port published on "" is open when the network does not say. */
  readonly defaultHostAddresses: readonly string[];
  /** Whether the host is to pass packets between interfaces. */
  readonly forwards: boolean;
  readonly addressesByHand: boolean;
}

/** One bridge with its containers: who has which address and port, and what joining takes. */
export class BridgeNetwork implements LiveNetwork {
  readonly network: Network;
  readonly #options: BridgeNetworkOptions;
  readonly #members: Membership;
  /** Ports of endpoints that this side chose, as "protocol/port". */
  readonly #chosen = new Map<string, ReadonlySet<string>>();

  constructor(options: BridgeNetworkOptions) {
    this.network = options.network;
    this.#options = options;
    this.#members = new Membership(options.network, options.addressesByHand);
  }

  get interfaceName(): string {
    return this.#options.settings.name;
  }

  get firewall(): FirewallBridge {
    const { internal, enableIPv4, enableIPv6 } = this.network;
    const { name, interContainer, masquerade, mode } = this.#options.settings;
    const translates = (text: string) => masquerade && !internal && text.startsWith('nat');
    return {
      name,
      interContainer,
      internal,
      masquerade: { ipv4: enableIPv4 && translates(mode.ipv4), ipv6: enableIPv6 && translates(mode.ipv6) },
      open: { ipv4: mode.ipv4 === 'nat-unprotected', ipv6: mode.ipv6 === 'nat-unprotected' },
    };
  }

  get endpoints(): readonly Endpoint[] {
    return this.#members.endpoints;
  }

  setUp(): readonly Operation[] {
    const { settings, index, macAddress, existing } = this.#options;
    const { name, mtu } = settings;
    const addresses = [...this.#bridgeAddresses(), ...(this.network.enableIPv6 ? [linkLocalGateway] : [])];
    const ports = this.endpoints.map(({ hostInterface }) => attachToBridge(hostInterface, index));
    const link = existing ? adoptBridge(index) : createBridge({ name, macAddress, mtu, index });
    return [
      netlinkOperation(protocol.route, [link]),
      ...(settings.interContainer ? [] : throughHost(name)),
      ...(this.network.enableIPv6 ? ipv6Settings(name, this.#options.forwards) : []),
      ...(addresses.length === 0
        ? []
        : [
            netlinkOperation(
              protocol.route,
              addresses.map((address) => addAddress(index, address)),
              [errno.EEXIST],
            ),
          ]),
      ...(ports.length === 0 ? [] : [netlinkOperation(protocol.route, ports, [errno.ENODEV])]),
    ];
  }

  tearDown(): readonly Operation[] {
    if (!this.network.ownsInterface) return [];
    return [netlinkOperation(protocol.route, [deleteLink(this.interfaceName)], [errno.ENODEV])];
  }

  join(request: EndpointRequest): Joined {
    const joined = this.#members.join(request);
    try {
      const endpoint: Endpoint = {
        ...joined,
        ...(this.network.internal ? { gateway: '', ipv6Gateway: '' } : {}),
        hostInterface: this.#newInterfaceName(),
        ports: this.allocatePorts(joined, request.ports, []),
        ...this.#linked(request),
      };
      this.#members.update(endpoint);
      return { endpoint, steps: this.#steps(endpoint, request) };
    } catch (error) {
      this.#members.leave(joined);
      throw error;
    }
  }

  allocatePorts(
    endpoint: Endpoint,
    requests: readonly PortRequest[],
    before: readonly PublishedPort[],
  ): Endpoint['ports'] {
    const { endpointId, ipv6Address, containerName } = endpoint;
    const wanted = requests.flatMap((port): WantedPort[] => {
      const hostAddresses = this.#hostAddresses(port.hostAddress, ipv6Address !== '');
      return hostAddresses.length === 0 ? [] : [{ ...port, hostAddresses }];
    });
    try {
      const ports = this.#options.ports.allocate(endpointId, preferring(wanted, before));
      const chosen = ports.filter((port) => port.chosen).map((port) => `${port.protocol}/${port.hostPort}`);
      this.#chosen.set(endpointId, new Set(chosen));
      return [...ports.map(({ chosen: _, ...port }) => port), ...this.#routedPorts(requests)];
    } catch (error) {
      throw internal(`${connectivityPrefix(containerName, endpointId)}${messageOf(error)}`, { cause: error });
    }
  }

  leave(endpoint: Endpoint): boolean {
    this.#chosen.delete(endpoint.endpointId);
    this.#options.ports.release(endpoint.endpointId, endpoint.ports);
    return this.#members.leave(endpoint);
  }

  restore(endpoint: Endpoint): void {
    this.#options.ports.restore(endpoint.endpointId, boundPorts(endpoint));
    this.#members.restore(endpoint);
  }

  replace(endpoint: Endpoint): void {
    this.#members.update(endpoint);
  }

  chose(endpoint: Endpoint, port: Endpoint['ports'][number]): boolean {
    return this.#chosen.get(endpoint.endpointId)?.has(`${port.protocol}/${port.hostPort}`) ?? false;
  }

  /** Those that the bridge bears: its containers' gateways. */
  #bridgeAddresses(): readonly InterfaceAddress[] {
    const { mode, ownsGateway } = this.#options.settings;
    return this.network.ipam.flatMap(({ subnet, gateway }) => {
      const own = parseInterfaceAddress(`${gateway}/${subnet.slice(subnet.indexOf('/') + 1)}`);
      const isolated = (own.address.family === 4 ? mode.ipv4 : mode.ipv6) === 'isolated';
      if (isolated || (own.address.family === 4 && !ownsGateway)) return [];
      return [own];
    });
  }

  /**
   * To and fro between the two namespaces:
   * 1. in the container's: loopback up, the pair made (this end up, the other put into the host's), addresses, routes;
   * 2. in the host's: the other end up and in the bridge;
   * 3. asking for a link makes the kernel (6.8 and later) notice at once that both ends are up. Else that waits for a worker, and until
   *    then an interface silently drops what it is to send, for up to a second.
   */
  #steps(endpoint: Endpoint, request: EndpointRequest): JoinSteps {
    const { settings, index, ipv6 } = this.#options;
    const { interfaceName: name, hostInterface, macAddress } = endpoint;
    const pair = createVethPair({
      name,
      index: interfaceIndex(name),
      macAddress,
      mtu: settings.mtu,
      peerName: hostInterface,
      peerNamespace: { slot: networkSlots.host },
    });
    const messages = [
      raiseLink(LOOPBACK_INDEX),
      pair,
      ...addressMessages(endpoint, request.linkLocal),
      ...defaultRoutes(endpoint, request.gateway),
    ];
    const host = [
      attachToBridge(hostInterface, index),
      ...(settings.interContainer ? [] : [isolatePort(hostInterface)]),
      getLink(settings.name),
    ];
    return [
      ...insideContainer([
        ...withIpv6(endpoint.ipv6Address !== '', ipv6, netlinkOperation(protocol.route, messages)),
        ...endpointSysctls(request, name),
      ]),
      netlinkOperation(protocol.route, host),
      ...insideContainer([netlinkOperation(protocol.route, [getLink(name)])]),
    ];
  }

  /** The host's addresses that a port is to be bound on; those of a family that is routed are not needed. */
  #hostAddresses(asked: string, hasIpv6: boolean): readonly string[] {
    const { hostBinding, mode } = this.#options.settings;
    const own = [hostBinding.ipv4, hasIpv6 ? hostBinding.ipv6 : ''].filter((text) => text !== '');
    const addresses = asked !== '' ? [asked] : own.length > 0 ? own : this.#options.defaultHostAddresses;
    return addresses.filter((text) => (text.includes(':') && hasIpv6 ? mode.ipv6 : mode.ipv4) !== 'routed');
  }

  #routedPorts(ports: readonly PortRequest[]): Endpoint['ports'] {
    const { mode } = this.#options.settings;
    const routed = [
      ...(mode.ipv4 === 'routed' && this.network.enableIPv4 ? ['0.0.0.0'] : []),
      ...(mode.ipv6 === 'routed' && this.network.enableIPv6 ? ['::'] : []),
    ];
    return ports.flatMap(({ protocol, containerPort }) =>
      routed.map((hostAddress) => ({ protocol, containerPort, hostAddress, hostPort: 0 })),
    );
  }

  /** Links count where containers may not talk otherwise. */
  #linked({ linked }: EndpointRequest): Pick<Endpoint, 'linked'> {
    return this.#options.settings.interContainer || linked === undefined ? {} : { linked };
  }

  /** "veth" and seven hex digits, as Docker names the host's end. */
  #newInterfaceName(): string {
    const name = `veth${randomBytes(4).toString('hex').slice(0, 7)}`;
    const taken = this.endpoints.some(({ hostInterface }) => hostInterface === name);
    return taken ? this.#newInterfaceName() : name;
  }
}

/** As Docker gives it to bridges: one that can be used at once, without asking first whether others have it. */
const linkLocalGateway = parseInterfaceAddress('fe80::1/64');

/** Those that hold a port of the host. */
function boundPorts({ ports }: Endpoint): Endpoint['ports'] {
  return ports.filter(({ hostPort }) => hostPort !== 0);
}

/**
 * Isolated ports of a bridge do not reach each other: it answers for all their neighbours, so that what containers send each other goes
 * by the host, whose firewall lets linked ones through.
 */
function throughHost(name: string): readonly Operation[] {
  const ipv4 = '/proc/sys/net/ipv4';
  return [
    writeSysctl(`${ipv4}/conf/${name}/proxy_arp_pvlan`, '1'),
    // At once, not at some time within the next second.
    writeSysctl(`${ipv4}/neigh/${name}/proxy_delay`, '0'),
    writeSysctl(`${ipv4}/conf/${name}/send_redirects`, '0'),
  ];
}

/** The bridge of a network with IPv6 has it whatever the host's default, believes no router, and routes. */
function ipv6Settings(name: string, forwards: boolean): readonly Operation[] {
  const conf = '/proc/sys/net/ipv6/conf';
  return [
    writeSysctl(`${conf}/${name}/disable_ipv6`, '0'),
    writeSysctl(`${conf}/${name}/accept_ra`, '0'),
    ...(forwards ? [writeSysctl(`${conf}/all/forwarding`, '1')] : []),
  ];
}
