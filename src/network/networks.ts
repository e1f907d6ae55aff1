import type { Database } from 'bun:sqlite';
import { existsSync, readFileSync } from 'node:fs';
import type { Context } from '../base/context.ts';
import { conflict, invalid, messageOf, notFound, SampanError } from '../base/errors.ts';
import type { EventSink } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import type { Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import {
  addressInUse,
  type Bridge,
  enableForwarding,
  type HostNetwork,
  inspectHost,
  prepareBridge,
  surveyHost,
} from './bridge.ts';
import { BridgeNetwork } from './bridge-network.ts';
import {
  type ConnectedEndpoint,
  type Endpoint,
  type EndpointRequest,
  type Gateways,
  type Network,
  type NetworkRequest,
  type Networks,
  type PublishFailure,
  predefinedNetworks,
} from './contract.ts';
import { decideNetwork } from './decide-network.ts';
import { describePredefined } from './describe.ts';
import {
  firewallPortsOf,
  type HostIpv6,
  livePlan,
  loopbackPlan,
  removalSteps,
  rerouteSteps,
  startPlan,
  unpublishSteps,
} from './endpoint-plan.ts';
import {
  addBridge,
  type FirewallBridge,
  loadFirewall,
  publishPorts,
  removeBridgeRules,
  unloadFirewall,
} from './firewall.ts';
import { formatIp, formatSubnet, type Subnet } from './ip.ts';
import type { LiveNetwork } from './live-network.ts';
import { NameTable } from './names.ts';
import { checkNetwork, forbidden, prefixOf } from './network-config.ts';
import { bridgeSettingsOf, type NetworkHost, openNetwork } from './open-network.ts';
import { PortAllocator } from './ports.ts';
import { describePublishFailure, failedPorts, findPublishFailure } from './publish-failure.ts';
import {
  createNetworkStore,
  loadPredefined,
  type NetworkRecord,
  newId,
  type PredefinedName,
} from './store.ts';
import { completePools, parseAddressPool, type SubnetPool } from './subnets.ts';

export interface NetworksOptions {
  readonly launcher: Launcher;
  /** Open, with `networkSchema` in it. */
  readonly database: Database;
  readonly events: EventSink;
  readonly log: Logger;
  readonly bridge: string;
  /** The nftables table of family inet; one that goes with the bridge's name when absent. */
  readonly tableName?: string;
  /** The default bridge's address with its prefix length; empty for the first free subnet. */
  readonly bip: string;
  readonly mtu: number;
  /** Whether containers on the default bridge may talk to each other. */
  readonly icc: boolean;
  readonly ipForward: boolean;
  readonly ipMasquerade: boolean;
  /** Whether ports are also published over IPv6 where only the supervisor's relay reaches containers from. */
  readonly userlandRelay: boolean;
  /** Where ports without an address are published; empty or 0.0.0.0 for every address. */
  readonly defaultBindAddress: string;
  /** What `host-gateway` stands for; empty for the default bridge's gateway. */
  readonly hostGateway: string;
  /** Where subnets come from, as "base=10.10.0.0/16,size=24"; Docker's when absent or of a family that is not among them. */
  readonly addressPools?: readonly string[];
  /** Of new interfaces; found out when absent. */
  readonly ipv6?: HostIpv6;
}

/** The networks of this host: the predefined ones, and those that somebody made. Nothing is touched before `start`. */
export function createNetworks(options: NetworksOptions): Networks {
  return new LocalNetworks(options);
}

class LocalNetworks implements Networks {
  readonly names = new NameTable();
  readonly #options: NetworksOptions;
  readonly #table: string;
  readonly #records: Readonly<Record<PredefinedName, NetworkRecord>>;
  readonly #store: ReturnType<typeof createNetworkStore>;
  readonly #pools: readonly SubnetPool[];
  readonly #ipv6: HostIpv6;
  /** Made by somebody, by ID; those under way have their names and subnets in `making` alone. */
  readonly #networks = new Map<string, Network>();
  readonly #making = new Map<string, Network | undefined>();
  /** Those that can be joined, by ID, the default bridge included. */
  readonly #live = new Map<string, LiveNetwork>();
  #host: NetworkHost | undefined;
  #bridge: BridgeNetwork | undefined;
  /** Endpoints loaded into the firewall while nobody's `after` stage knows of them, or perhaps after it was done. */
  readonly #restored = new Set<string>();

  constructor(options: NetworksOptions) {
    this.#options = options;
    this.#table = options.tableName ?? tableFor(options.bridge);
    this.#records = loadPredefined(options.database);
    this.#store = createNetworkStore(options.database);
    for (const network of this.#store.load()) this.#networks.set(network.id, network);
    const configured = (options.addressPools ?? []).map(parseAddressPool);
    this.#pools = completePools(configured, this.#records.bridge.id);
    this.#ipv6 = options.ipv6 ?? hostIpv6();
  }

  async start(context: Context, live: readonly Endpoint[]): Promise<void> {
    const { launcher, bridge: name, ipForward, mtu } = this.#options;
    const host = await inspectHost(context, launcher, name);
    const ports = new PortAllocator(host.ephemeralPorts);
    const defaultHostAddresses = this.#defaultHostAddresses();
    this.#host = { launcher, mtu, ipv6: this.#ipv6, ports, defaultHostAddresses };
    this.#live.clear();
    this.#bridge = await this.#openDefaultBridge(context, host, this.#host, live);
    this.#live.set(this.#bridge.network.id, this.#bridge);
    for (const network of this.#networks.values()) {
      if (!network.configOnly) await this.#reopen(context, host, this.#host, network);
    }
    this.#restored.clear();
    for (const endpoint of live) this.#restore(endpoint);
    await this.#setUpAll(context);
    const before = [this.#wholeFirewall()];
    if (ipForward && !host.forwarding) {
      this.#options.log.info('enabling IP forwarding');
      before.push(enableForwarding());
    }
    await launcher.run(context, { before });
  }

  /** Containers outlive the daemon: while any is connected, what it needs stays. */
  async stop(context: Context): Promise<void> {
    const networks = [...this.#live.values()];
    if (this.#bridge === undefined || networks.some(({ endpoints }) => endpoints.length > 0)) return;
    this.#bridge = undefined;
    this.#live.clear();
    const remove = networks.flatMap((network) => network.tearDown());
    await this.#options.launcher.run(context, { before: [unloadFirewall(this.#table), ...remove] });
  }

  list(): readonly Network[] {
    const { bridge, host, none } = this.#records;
    const first = this.#bridge?.network ?? this.#describeBridge(bridge);
    return [first, describePredefined(host), describePredefined(none), ...this.#networks.values()];
  }

  get(reference: string): Network {
    const networks = this.list();
    const exact =
      networks.find(({ name }) => name === reference) ?? networks.find(({ id }) => id === reference);
    if (exact !== undefined) return exact;
    const matches = reference === '' ? [] : networks.filter(({ id }) => id.startsWith(reference));
    const [match] = matches;
    if (match === undefined) throw notFound(`network ${reference} not found`);
    if (matches.length === 1) return match;
    throw invalid(`network ${reference} is ambiguous (${matches.length} matches found based on ID prefix)`);
  }

  async create(context: Context, request: NetworkRequest): Promise<{ id: string; warning: string }> {
    const host = this.#started();
    checkNetwork(request);
    const { name } = request;
    if (this.#making.has(name) || [...this.#networks.values()].some((other) => other.name === name)) {
      throw conflict(`network with name ${name} already exists`);
    }
    this.#making.set(name, undefined);
    try {
      const { network, links } = await decideNetwork(request, {
        survey: () => surveyHost(context, host.launcher),
        others: () => [...this.list(), ...[...this.#making.values()].flatMap((other) => other ?? [])],
        pools: this.#pools,
        settle: (decided) => this.#making.set(name, decided),
      });
      this.#store.insert(network);
      await this.#make(context, host, network, links);
      this.#publish('create', network);
      return { id: network.id, warning: '' };
    } finally {
      this.#making.delete(name);
    }
  }

  async remove(context: Context, reference: string): Promise<void> {
    const network = this.get(reference);
    if (predefinedNetworks.has(network.name)) {
      throw forbidden(`${network.name} is a pre-defined network and cannot be removed`);
    }
    const live = this.#live.get(network.id);
    const users = (live?.endpoints ?? []).map(
      ({ containerName, endpointId }) => `name:"${containerName}" id:"${endpointId.slice(0, 12)}"`,
    );
    if (users.length > 0) {
      throw forbidden(
        `error while removing network: network ${network.name} has active endpoints (${users.join(', ')})`,
      );
    }
    if (this.list().some(({ configFrom }) => configFrom === network.name)) {
      throw forbidden(`configuration network ${JSON.stringify(network.name)} is in use`);
    }
    this.#live.delete(network.id);
    this.#networks.delete(network.id);
    try {
      if (live !== undefined) await this.#options.launcher.run(context, { before: this.#tearDown(live) });
      this.#store.delete(network.id);
    } catch (error) {
      this.#networks.set(network.id, network);
      if (live !== undefined) this.#live.set(network.id, live);
      throw error;
    }
    this.#publish('destroy', network);
  }

  async prune(context: Context, filter: (network: Network) => boolean): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const network of [...this.#networks.values()]) {
      const used = (this.#live.get(network.id)?.endpoints.length ?? 0) > 0;
      if (used || !filter(network)) continue;
      try {
        await this.remove(context, network.id);
        removed.push(network.name);
      } catch (error) {
        this.#options.log.warn('cannot remove an unused network', { network: network.name, error });
      }
    }
    this.#options.events.publish({
      type: 'network',
      action: 'prune',
      id: '',
      attributes: { reclaimed: '0' },
    });
    return removed;
  }

  async connect(_context: Context, request: EndpointRequest): Promise<ConnectedEndpoint> {
    const network = this.#joinable(request.network);
    if (network.driver === 'host' || network.driver === 'null') return withoutAddresses(network, request);
    const { endpoint, steps } = this.#liveOf(network).join(request);
    this.#name(endpoint);
    return { endpoint, plan: startPlan(endpoint, this.#table, steps) };
  }

  async disconnect(context: Context, endpoint: Endpoint): Promise<void> {
    this.names.delete(endpoint.networkId, endpoint.endpointId);
    if (this.#live.get(endpoint.networkId)?.leave(endpoint) !== true) return;
    if (!this.#restored.delete(endpoint.endpointId)) return;
    const before = unpublishSteps(endpoint, this.#table);
    if (before.length > 0) await this.#options.launcher.run(context, { before });
  }

  async join(context: Context, request: EndpointRequest, pid: number): Promise<Endpoint> {
    const network = this.#liveOf(this.#joinable(request.network));
    const { endpoint, steps } = network.join({ ...request, ports: [] });
    try {
      await this.#options.launcher.run(context, livePlan(pid, steps));
    } catch (error) {
      network.leave(endpoint);
      throw error;
    }
    this.#name(endpoint);
    return endpoint;
  }

  async leave(context: Context, endpoint: Endpoint, pid: number): Promise<void> {
    this.names.delete(endpoint.networkId, endpoint.endpointId);
    const before = unpublishSteps(endpoint, this.#table);
    const plan = livePlan(pid, removalSteps(endpoint));
    try {
      await this.#options.launcher.run(context, { before: [...before, ...(plan.before ?? [])] });
    } finally {
      // The addresses go back even if the namespace is gone already, which takes the interface with it.
      this.#live.get(endpoint.networkId)?.leave(endpoint);
      this.#restored.delete(endpoint.endpointId);
    }
  }

  async reroute(context: Context, pid: number, gateways: Gateways): Promise<void> {
    await this.#options.launcher.run(context, livePlan(pid, rerouteSteps(gateways)));
  }

  async movePorts(context: Context, from: Endpoint, to: Endpoint): Promise<{ from: Endpoint; to: Endpoint }> {
    const moved = { from: { ...from, ports: [] }, to: { ...to, ports: from.ports } };
    const publish = publishPorts(this.#table, firewallPortsOf(moved.to));
    const before = [...unpublishSteps(from, this.#table), ...(publish === undefined ? [] : [publish])];
    if (before.length > 0) await this.#options.launcher.run(context, { before });
    this.#live.get(from.networkId)?.replace(moved.from);
    this.#live.get(to.networkId)?.replace(moved.to);
    this.#host?.ports.release(from.endpointId, from.ports);
    this.#host?.ports.restore(to.endpointId, from.ports);
    this.#restored.add(to.endpointId);
    return moved;
  }

  explainStart(error: unknown, endpoint: Endpoint, containerName: string): PublishFailure | undefined {
    const failure = findPublishFailure(error);
    if (failure === undefined) return undefined;
    const failed = failedPorts(endpoint, failure);
    if (failed.length === 0) return undefined;
    const inUse = failure.errno === errno.EADDRINUSE;
    if (inUse) for (const { protocol, hostPort } of failed) this.#host?.ports.avoid(protocol, hostPort);
    const network = this.#live.get(endpoint.networkId);
    const again = inUse && failed.every((port) => network?.chose(endpoint, port) === true);
    return { error: describePublishFailure(endpoint, containerName, failure), again };
  }

  rename(endpoint: Endpoint): void {
    this.#live.get(endpoint.networkId)?.replace(endpoint);
    this.#name(endpoint);
  }

  hostGateway(): string {
    this.#started();
    return this.#options.hostGateway || (this.#bridge?.network.ipam[0]?.gateway ?? '');
  }

  #started(): NetworkHost {
    if (this.#host !== undefined && this.#bridge !== undefined) return this.#host;
    throw new SampanError('unavailable', 'the bridge network has not been started');
  }

  #joinable(reference: string): Network {
    const network = this.get(reference === 'default' ? 'bridge' : reference);
    if (!network.configOnly) return network;
    throw forbidden(
      `cannot create container endpoint: ${network.name} is a configuration for other networks`,
    );
  }

  #liveOf(network: Network): LiveNetwork {
    this.#started();
    const live = this.#live.get(network.id);
    if (live !== undefined) return live;
    throw new SampanError(
      'unavailable',
      `network ${network.name} could not be set up when the daemon started`,
    );
  }

  /** The default bridge has no name service, and neither have networks without addresses. */
  #name({ networkId, endpointId, containerId, names, links, ipv4Address, ipv6Address }: Endpoint): void {
    if (networkId === this.#records.bridge.id || names.length === 0) return;
    const addresses = [
      ...(ipv4Address === '' ? [] : [{ family: 4 as const, address: ipv4Address }]),
      ...(ipv6Address === '' ? [] : [{ family: 6 as const, address: ipv6Address }]),
    ];
    this.names.set(networkId, { endpointId, containerId, names, addresses, links });
  }

  #restore(endpoint: Endpoint): void {
    this.#live.get(endpoint.networkId)?.restore(endpoint);
    this.#restored.add(endpoint.endpointId);
    this.#name(endpoint);
  }

  #publish(action: 'create' | 'destroy', { id, name, driver }: Network): void {
    this.#options.events.publish({ type: 'network', action, id, attributes: { name, type: driver } });
  }

  async #openDefaultBridge(
    context: Context,
    host: HostNetwork,
    common: NetworkHost,
    live: readonly Endpoint[],
  ): Promise<BridgeNetwork> {
    const { launcher, bridge: name, bip, mtu } = this.#options;
    const mine = live.filter(({ networkId }) => networkId === this.#records.bridge.id);
    const bridge = await prepareBridge(context, launcher, host, {
      name,
      mtu,
      address: bip,
      inUse: addressInUse(mine),
      otherNetworks: this.#promisedSubnets(),
      pools: this.#pools,
      ports: mine.map(({ hostInterface }) => hostInterface),
    });
    const network = this.#describeBridge(this.#records.bridge, bridge);
    return new BridgeNetwork({
      network,
      settings: bridgeSettingsOf(network),
      index: bridge.index,
      existing: true,
      macAddress: '',
      ipv6: common.ipv6,
      ports: common.ports,
      defaultHostAddresses: common.defaultHostAddresses,
      addressesByHand: false,
    });
  }

  /** What of a network somebody made is missing is for `#setUpAll`; one that cannot be opened stays known. */
  async #reopen(context: Context, host: HostNetwork, common: NetworkHost, network: Network): Promise<void> {
    try {
      this.#live.set(network.id, await openNetwork(context, common, host.links, network));
    } catch (error) {
      this.#options.log.error('cannot set up a network', { network: network.name, error: messageOf(error) });
    }
  }

  /** All in one plan; where that fails, each alone, so that one that is broken is the only one missing. */
  async #setUpAll(context: Context): Promise<void> {
    const { launcher, log } = this.#options;
    const networks = [...this.#live.values()].filter((network) => network !== this.#bridge);
    const before = networks.flatMap((network) => network.setUp());
    if (before.length === 0) return;
    try {
      await launcher.run(context, { before });
      return;
    } catch (error) {
      log.warn('setting networks up one by one', { error: messageOf(error) });
    }
    for (const network of networks) {
      try {
        await launcher.run(context, { before: network.setUp() });
      } catch (error) {
        log.error('cannot set up a network', { network: network.network.name, error: messageOf(error) });
      }
    }
  }

  #wholeFirewall(): Operation {
    const networks = [...this.#live.values()];
    const bridges = networks.flatMap(({ firewall }): FirewallBridge[] =>
      firewall === undefined ? [] : [firewall],
    );
    const ports = networks.flatMap(({ endpoints }) => endpoints.map(firewallPortsOf));
    return loadFirewall(this.#table, bridges, {
      translations: ports.flatMap(({ translations }) => translations),
      open: ports.flatMap(({ open }) => open),
    });
  }

  /** A network whose row is written. When it cannot be made, nothing of it stays. */
  async #make(
    context: Context,
    host: NetworkHost,
    network: Network,
    links: Parameters<typeof openNetwork>[2],
  ): Promise<void> {
    if (network.configOnly) {
      this.#networks.set(network.id, network);
      return;
    }
    let live: LiveNetwork | undefined;
    try {
      live = await openNetwork(context, host, links, network);
      const { firewall } = live;
      const rules = firewall === undefined ? [] : [addBridge(this.#table, firewall)];
      const before = [...live.setUp(), ...rules];
      if (before.length > 0) await host.launcher.run(context, { before });
    } catch (error) {
      this.#store.delete(network.id);
      if (live !== undefined) await this.#clearAway(context, live);
      throw error;
    }
    this.#live.set(network.id, live);
    this.#networks.set(network.id, network);
  }

  async #clearAway(context: Context, network: LiveNetwork): Promise<void> {
    try {
      await this.#options.launcher.run(context, { before: this.#tearDown(network) });
    } catch (error) {
      this.#options.log.warn('cannot clear away a network', { network: network.network.name, error });
    }
  }

  #tearDown(network: LiveNetwork): readonly Operation[] {
    const { firewall } = network;
    return [
      ...(firewall === undefined ? [] : [removeBridgeRules(this.#table, firewall)]),
      ...network.tearDown(),
    ];
  }

  #promisedSubnets(): readonly Subnet[] {
    return [...this.#networks.values()].flatMap(({ ipam }) => ipam.map(({ subnet }) => prefixOf(subnet)));
  }

  #defaultHostAddresses(): readonly string[] {
    const { defaultBindAddress, userlandRelay } = this.#options;
    if (defaultBindAddress !== '' && defaultBindAddress !== '0.0.0.0') return [defaultBindAddress];
    return this.#ipv6 === 'absent' || !userlandRelay ? ['0.0.0.0'] : ['0.0.0.0', '::'];
  }

  #describeBridge(record: NetworkRecord, bridge?: Bridge): Network {
    const { bridge: name, icc, ipMasquerade, mtu, defaultBindAddress, bip } = this.#options;
    const options = {
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.bridge.enable_icc': String(icc),
      'com.docker.network.bridge.enable_ip_masquerade': String(ipMasquerade),
      'com.docker.network.bridge.host_binding_ipv4': defaultBindAddress || '0.0.0.0',
      'com.docker.network.bridge.name': name,
      'com.docker.network.driver.mtu': String(mtu),
    };
    const described = { ...describePredefined(record), options };
    if (bridge === undefined) return described;
    const pool = {
      subnet: formatSubnet(bridge.subnet),
      gateway: formatIp(bridge.address),
      ipRange: '',
      auxiliary: {},
      chosen: { subnet: bip !== '', gateway: true },
    };
    return { ...described, ownsInterface: bridge.own, ipam: [pool] };
  }
}

/** A container in the host's network, or in none. */
function withoutAddresses(network: Network, request: EndpointRequest): ConnectedEndpoint {
  const endpoint: Endpoint = {
    networkId: network.id,
    networkName: network.name,
    endpointId: newId(),
    containerId: request.containerId,
    containerName: request.containerName,
    macAddress: '',
    ipv4Address: '',
    ipv4PrefixLength: 0,
    gateway: '',
    ipv6Address: '',
    ipv6PrefixLength: 0,
    ipv6Gateway: '',
    interfaceName: '',
    hostInterface: '',
    ports: [],
    names: [],
    links: {},
  };
  return { endpoint, plan: network.driver === 'null' ? loopbackPlan() : {} };
}

/** Daemons with bridges of their own have tables of their own. */
function tableFor(bridge: string): string {
  return bridge === 'sampan0' ? 'sampan' : `sampan-${bridge}`;
}

/** Of the host that this process is on. */
function hostIpv6(): HostIpv6 {
  const path = '/proc/sys/net/ipv6/conf/default/disable_ipv6';
  if (!existsSync(path)) return 'absent';
  return readFileSync(path, 'utf8').trim() === '1' ? 'off' : 'on';
}
