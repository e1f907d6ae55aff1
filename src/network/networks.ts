import type { Context } from '../base/context.ts';
import { conflict, invalid, notFound, SampanError } from '../base/errors.ts';
import { errno } from '../plan/errno.ts';
import type { Plan } from '../plan/operations.ts';
import { surveyHost } from './bridge.ts';
import {
  type ConnectedEndpoint,
  type Endpoint,
  type EndpointRequest,
  type Gateways,
  type LinkedPort,
  type NameService,
  type Network,
  type NetworkRequest,
  type Networks,
  type PortChange,
  type PortChangeRequest,
  type PortReach,
  type PublishFailure,
  predefinedNetworks,
} from './contract.ts';
import { decideNetwork } from './decide-network.ts';
import { describeDefaultBridge, describePredefined, endpointWithoutAddresses } from './describe.ts';
import { LocalNameService } from './dns/name-service.ts';
import { NamesFiles } from './dns/names-files.ts';
import {
  clearSteps,
  firewallPortsOf,
  livePlan,
  loopbackPlan,
  publishSteps,
  removalSteps,
  rerouteSteps,
  startPlan,
  withdrawSteps,
} from './endpoint-plan.ts';
import type { LiveNetwork } from './live-network.ts';
import { LiveNetworks } from './live-networks.ts';
import { mendInterfaces } from './mend-interfaces.ts';
import { NameTable } from './names.ts';
import { checkNetwork, forbidden } from './network-config.ts';
import type { NetworksOptions } from './options.ts';
import { planPortChange, relayPlan } from './port-change.ts';
import { describePublishFailure, failedPorts, findPublishFailure } from './publish-failure.ts';
import { createNetworkStore, loadPredefined, type NetworkRecord, type PredefinedName } from './store.ts';
import { completePools, parseAddressPool, type SubnetPool } from './subnets.ts';

const PRUNED_AT_ONCE = 16;

/** The networks of this host: the predefined ones, and those that somebody made. Nothing is touched before `start`. */
export function createNetworks(options: NetworksOptions): Networks {
  return new LocalNetworks(options);
}

class LocalNetworks implements Networks {
  readonly names = new NameTable();
  readonly dns: NameService;
  readonly #options: NetworksOptions;
  readonly #namesFiles: NamesFiles;
  readonly #records: Readonly<Record<PredefinedName, NetworkRecord>>;
  readonly #store: ReturnType<typeof createNetworkStore>;
  readonly #pools: readonly SubnetPool[];
  /** Made by somebody, by ID. */
  readonly #networks = new Map<string, Network>();
  /** By name, those that are being made: undefined until their subnets are decided. */
  readonly #making = new Map<string, Network | undefined>();
  readonly #live: LiveNetworks;
  /** Endpoints that the firewall was told of beside their starts: nobody's `after` stage knows, or perhaps it was done by then. */
  readonly #untold = new Set<string>();

  constructor(options: NetworksOptions) {
    this.#options = options;
    this.#records = loadPredefined(options.database);
    this.#store = createNetworkStore(options.database);
    for (const network of this.#store.load()) this.#networks.set(network.id, network);
    const configured = (options.addressPools ?? []).map(parseAddressPool);
    this.#pools = completePools(configured, this.#records.bridge.id);
    this.#live = new LiveNetworks(options, (endpoints) => {
      for (const { endpointId } of endpoints) this.#untold.add(endpointId);
    });
    this.#namesFiles = new NamesFiles(options.namesDirectory);
    this.dns = new LocalNameService({
      ...{ names: this.names, files: this.#namesFiles, launcher: options.launcher, log: options.log },
      network: (id) => this.list().find((network) => network.id === id),
    });
  }

  async start(context: Context, live: readonly Endpoint[]): Promise<void> {
    await this.#live.start(context, {
      defaultBridge: describeDefaultBridge(this.#records.bridge, this.#options),
      others: [...this.#networks.values()],
      endpoints: live,
      pools: this.#pools,
    });
    this.#untold.clear();
    this.#namesFiles.open(new Set(live.map(({ networkId }) => networkId)));
    for (const endpoint of live) {
      this.#untold.add(endpoint.endpointId);
      this.#name(endpoint);
    }
  }

  stop(context: Context): Promise<void> {
    return this.#live.stop(context);
  }

  list(): readonly Network[] {
    const { bridge, host, none } = this.#records;
    const first = this.#live.defaultBridge ?? describeDefaultBridge(bridge, this.#options);
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

  async create(context: Context, asked: NetworkRequest): Promise<{ id: string; warning: string }> {
    const { launcher } = this.#live.host;
    checkNetwork(asked);
    const request = this.#withDefaults(asked);
    const { name } = request;
    if (this.#making.has(name) || [...this.#networks.values()].some((other) => other.name === name)) {
      throw conflict(`network with name ${name} already exists`);
    }
    this.#making.set(name, undefined);
    try {
      if (Object.keys(request.options).length > 0) await this.#live.settled();
      const { network, links } = await decideNetwork(request, {
        survey: () => surveyHost(context, launcher),
        others: () => [...this.list(), ...[...this.#making.values()].flatMap((other) => other ?? [])],
        pools: this.#pools,
        settle: (decided) => this.#making.set(name, decided),
      });
      // The row first: what a killed daemon leaves is then this network, which the next one makes whole.
      this.#store.insert(network);
      try {
        if (!network.configOnly) await this.#live.make(context, network, links);
      } catch (error) {
        this.#store.delete(network.id);
        throw error;
      }
      this.#networks.set(network.id, network);
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
    this.#checkUnused(network);
    this.#networks.delete(network.id);
    try {
      await this.#live.remove(context, network.id);
      this.#store.delete(network.id);
    } catch (error) {
      this.#networks.set(network.id, network);
      throw error;
    }
    this.#publish('destroy', network);
  }

  /** Many at a time: for each, the kernel mostly waits. */
  async prune(context: Context, filter: (network: Network) => boolean): Promise<readonly string[]> {
    const unused = [...this.#networks.values()].filter(
      (network) => (this.#live.find(network.id)?.endpoints.length ?? 0) === 0 && filter(network),
    );
    const removed = new Set<string>();
    const rest = unused.values();
    const removeNext = async (): Promise<void> => {
      for (const { id, name } of rest) {
        try {
          await this.remove(context, id);
          removed.add(name);
        } catch (error) {
          this.#options.log.warn('cannot remove an unused network', { network: name, error });
        }
      }
    };
    await Promise.all(Array.from({ length: PRUNED_AT_ONCE }, removeNext));
    this.#options.events.publish({
      type: 'network',
      action: 'prune',
      id: '',
      attributes: { reclaimed: '0' },
    });
    return unused.flatMap(({ name }) => (removed.has(name) ? [name] : []));
  }

  async connect(_context: Context, request: EndpointRequest): Promise<ConnectedEndpoint> {
    const network = this.#joinable(request.network);
    if (network.driver === 'host' || network.driver === 'null') {
      const plan = network.driver === 'null' ? loopbackPlan() : {};
      return { endpoint: endpointWithoutAddresses(network, request), plan };
    }
    const { endpoint, steps } = this.#liveOf(network).join(request);
    this.#name(endpoint);
    return { endpoint, plan: startPlan(endpoint, this.#live.table, steps) };
  }

  async disconnect(context: Context, endpoint: Endpoint): Promise<void> {
    this.names.delete(endpoint.networkId, endpoint.endpointId);
    const network = this.#live.find(endpoint.networkId);
    const restored = this.#untold.delete(endpoint.endpointId);
    const before = restored ? clearSteps(endpoint, this.#live.table) : [];
    using _ = this.#live.leaving(endpoint);
    try {
      // Before the ports are given back, or it would be another's that this takes away.
      if (before.length > 0) await this.#options.launcher.run(context, { before });
    } finally {
      network?.leave(endpoint);
    }
  }

  abandon({ endpointId }: Endpoint): void {
    this.#untold.add(endpointId);
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
    const before = clearSteps(endpoint, this.#live.table);
    const plan = livePlan(pid, removalSteps(endpoint));
    using _ = this.#live.leaving(endpoint);
    try {
      await this.#options.launcher.run(context, { before: [...before, ...(plan.before ?? [])] });
    } finally {
      // The addresses go back even if the namespace is gone already, which takes the interface with it.
      this.#live.find(endpoint.networkId)?.leave(endpoint);
      this.#untold.delete(endpoint.endpointId);
    }
  }

  async reroute(context: Context, pid: number, gateways: Gateways): Promise<void> {
    await this.#options.launcher.run(context, livePlan(pid, rerouteSteps(gateways)));
  }

  mend(context: Context, pid: number, endpoints: readonly Endpoint[]): Promise<readonly Endpoint[]> {
    return mendInterfaces(context, this.#options.launcher, pid, endpoints);
  }

  publishPlan(endpoint: Endpoint | undefined): Partial<Plan> {
    return relayPlan(this.#live.table, endpoint);
  }

  planPorts(request: PortChangeRequest): PortChange {
    return planPortChange(
      {
        table: this.#live.table,
        ports: this.#live.host.ports,
        launcher: this.#options.launcher,
        find: (id) => this.#live.find(id),
        touch: (endpoint) => this.abandon(endpoint),
      },
      request,
    );
  }

  explainStart(error: unknown, endpoint: Endpoint, containerName: string): PublishFailure | undefined {
    const failure = findPublishFailure(error);
    if (failure === undefined) return undefined;
    const failed = failedPorts(endpoint, failure);
    if (failed.length === 0) return undefined;
    const inUse = failure.errno === errno.EADDRINUSE;
    if (inUse) for (const { protocol, hostPort } of failed) this.#live.host.ports.avoid(protocol, hostPort);
    const network = this.#live.find(endpoint.networkId);
    const again = inUse && failed.every((port) => network?.chose(endpoint, port) === true);
    return { error: describePublishFailure(endpoint, containerName, failure), again };
  }

  async relink(context: Context, endpoint: Endpoint, linked: readonly LinkedPort[]): Promise<Endpoint> {
    if (endpoint.linked === undefined) return endpoint;
    const changed = { ...endpoint, linked };
    const links = (of: Endpoint) => ({
      translations: [],
      open: [],
      linked: firewallPortsOf(of).linked ?? [],
    });
    const { table } = this.#live;
    const before = [...withdrawSteps(links(endpoint), table), ...publishSteps(links(changed), table)];
    this.#live.find(endpoint.networkId)?.replace(changed);
    this.#untold.add(endpoint.endpointId);
    if (before.length > 0) await this.#options.launcher.run(context, { before });
    return changed;
  }

  rename(endpoint: Endpoint): void {
    this.#live.find(endpoint.networkId)?.replace(endpoint);
    this.#name(endpoint);
  }

  reachOf(
    context: Context,
    endpoints: readonly Endpoint[],
  ): Promise<ReadonlyMap<string, readonly PortReach[]>> {
    return this.#live.reachOf(context, endpoints);
  }

  hostGateway(): string {
    const { hostGateway } = this.#options;
    if (hostGateway !== '') return hostGateway;
    const [pool] = this.#live.defaultBridge?.ipam ?? [];
    if (pool === undefined) throw new SampanError('unavailable', 'the bridge network has not been started');
    return pool.gateway;
  }

  /** What the daemon is told to give networks of a driver, where they say nothing else. */
  #withDefaults(request: NetworkRequest): NetworkRequest {
    if (request.configOnly || request.configFrom !== '') return request;
    const defaults = (this.#options.driverOptions ?? []).flatMap((text) => {
      const [driver, key = '', ...value] = text.split('=');
      return driver === request.driver ? [[key, value.join('=')] as const] : [];
    });
    return { ...request, options: { ...Object.fromEntries(defaults), ...request.options } };
  }

  #joinable(reference: string): Network {
    const network = this.get(reference === 'default' ? 'bridge' : reference);
    if (!network.configOnly) return network;
    throw forbidden(
      `cannot create container endpoint: ${network.name} is a configuration for other networks`,
    );
  }

  #liveOf(network: Network): LiveNetwork {
    const live = this.#live.find(network.id);
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

  /** Fails in Docker's words for a network that containers are in, or others are made from. */
  #checkUnused({ id, name }: Network): void {
    const users = (this.#live.find(id)?.endpoints ?? []).map(
      ({ containerName, endpointId }) => `name:"${containerName}" id:"${endpointId.slice(0, 12)}"`,
    );
    if (users.length > 0) {
      throw forbidden(
        `error while removing network: network ${name} has active endpoints (${users.join(', ')})`,
      );
    }
    if (this.list().some(({ configFrom }) => configFrom === name)) {
      throw forbidden(`configuration network ${JSON.stringify(name)} is in use`);
    }
  }

  #publish(action: 'create' | 'destroy', { id, name, driver }: Network): void {
    this.#options.events.publish({ type: 'network', action, id, attributes: { name, type: driver } });
  }
}
