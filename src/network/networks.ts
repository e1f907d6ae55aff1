import type { Database } from 'bun:sqlite';
import { existsSync, readFileSync } from 'node:fs';
import type { Context } from '../base/context.ts';
import { invalid, notFound, SampanError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Launcher } from '../plan/contract.ts';
import { errno } from '../plan/errno.ts';
import { addressInUse, enableForwarding, inspectHost, prepareBridge, removeBridge } from './bridge.ts';
import { BridgeNetwork } from './bridge-network.ts';
import type {
  ConnectedEndpoint,
  Endpoint,
  EndpointRequest,
  Network,
  Networks,
  PublishFailure,
} from './contract.ts';
import { type HostIpv6, loopbackPlan, translationsOf } from './endpoint-plan.ts';
import { loadFirewall, unloadFirewall, unpublishPorts } from './firewall.ts';
import { formatIpv4, formatSubnet } from './ipv4.ts';
import { PortAllocator } from './ports.ts';
import { describePublishFailure, failedPorts, findPublishFailure } from './publish-failure.ts';
import { loadPredefined, type NetworkRecord, newId, type PredefinedName } from './store.ts';

export interface NetworksOptions {
  readonly launcher: Launcher;
  /** Open, with `networkSchema` in it. */
  readonly database: Database;
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
  /** Whether ports are also published over IPv6, which only the supervisor's relay reaches containers from. */
  readonly userlandRelay: boolean;
  /** Where ports without an address are published; empty or 0.0.0.0 for every address. */
  readonly defaultBindAddress: string;
  /** What `host-gateway` stands for; empty for the default bridge's gateway. */
  readonly hostGateway: string;
  /** Of new interfaces; found out when absent. */
  readonly ipv6?: HostIpv6;
}

/** The networks of this host: the default bridge, the host's own, and none. Nothing is touched before `start`. */
export function createNetworks(options: NetworksOptions): Networks {
  return new LocalNetworks(options);
}

class LocalNetworks implements Networks {
  readonly #options: NetworksOptions;
  readonly #table: string;
  readonly #records: Readonly<Record<PredefinedName, NetworkRecord>>;
  readonly #ipv6: HostIpv6;
  #ports: PortAllocator | undefined;
  #bridge: BridgeNetwork | undefined;
  /** Endpoints loaded into the firewall by `start`, perhaps after their container had undone them. */
  readonly #restored = new Set<string>();

  constructor(options: NetworksOptions) {
    this.#options = options;
    this.#table = options.tableName ?? tableFor(options.bridge);
    this.#records = loadPredefined(options.database);
    this.#ipv6 = options.ipv6 ?? hostIpv6();
  }

  async start(context: Context, live: readonly Endpoint[]): Promise<void> {
    const { launcher, bridge: name, bip, mtu, ipForward, icc, ipMasquerade } = this.#options;
    const mine = live.filter(({ networkId }) => networkId === this.#records.bridge.id);
    const host = await inspectHost(context, launcher, name);
    const bridge = await prepareBridge(context, launcher, host, {
      name,
      mtu,
      address: bip,
      inUse: addressInUse(mine),
      ports: mine.map(({ hostInterface }) => hostInterface),
    });
    this.#ports = new PortAllocator(host.ephemeralPorts);
    const network = new BridgeNetwork({
      network: this.#describeBridge(formatSubnet(bridge.subnet), formatIpv4(bridge.address)),
      bridge,
      table: this.#table,
      mtu,
      interContainer: icc,
      ipv6: this.#ipv6,
      ports: this.#ports,
      defaultHostAddresses: this.#defaultHostAddresses(),
      addressesByHand: false,
    });
    for (const endpoint of mine) network.restore(endpoint);
    this.#restored.clear();
    for (const { endpointId } of mine) this.#restored.add(endpointId);
    const bridges = [{ name, interContainer: icc, masquerade: ipMasquerade }];
    const before = [loadFirewall(this.#table, bridges, mine.flatMap(translationsOf))];
    if (ipForward && !host.forwarding) {
      this.#options.log.info('enabling IP forwarding');
      before.push(enableForwarding());
    }
    await launcher.run(context, { before });
    this.#bridge = network;
  }

  /** Containers outlive the daemon: while any is connected, what it needs stays. */
  async stop(context: Context): Promise<void> {
    if (this.#bridge === undefined || this.#bridge.endpoints.length > 0) return;
    const { launcher, bridge } = this.#options;
    const remove = this.#bridge.ownsBridge ? [removeBridge(bridge)] : [];
    this.#bridge = undefined;
    await launcher.run(context, { before: [unloadFirewall(this.#table), ...remove] });
  }

  list(): readonly Network[] {
    const { host, none } = this.#records;
    return [this.#bridge?.network ?? this.#describeBridge(), describe(host), describe(none)];
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

  async connect(_context: Context, request: EndpointRequest): Promise<ConnectedEndpoint> {
    const network = this.get(request.network === 'default' ? 'bridge' : request.network);
    if (network.driver === 'bridge') return this.#started().connect(request);
    const endpoint: Endpoint = {
      networkId: network.id,
      networkName: network.name,
      endpointId: newId(),
      containerId: request.containerId,
      macAddress: '',
      ipv4Address: '',
      ipv4PrefixLength: 0,
      gateway: '',
      hostInterface: '',
      ports: [],
    };
    return { endpoint, plan: network.driver === 'null' ? loopbackPlan() : {} };
  }

  async disconnect(context: Context, endpoint: Endpoint): Promise<void> {
    if (this.#bridge?.disconnect(endpoint) !== true || !this.#restored.delete(endpoint.endpointId)) return;
    const unpublish = unpublishPorts(this.#table, translationsOf(endpoint));
    if (unpublish !== undefined) await this.#options.launcher.run(context, { before: [unpublish] });
  }

  explainStart(error: unknown, endpoint: Endpoint, containerName: string): PublishFailure | undefined {
    const failure = findPublishFailure(error);
    if (failure === undefined) return undefined;
    const failed = failedPorts(endpoint, failure);
    if (failed.length === 0) return undefined;
    const inUse = failure.errno === errno.EADDRINUSE;
    if (inUse) for (const { protocol, hostPort } of failed) this.#ports?.avoid(protocol, hostPort);
    const again = inUse && failed.every((port) => this.#bridge?.chose(endpoint, port) === true);
    return { error: describePublishFailure(endpoint, containerName, failure), again };
  }

  hostGateway(): string {
    return this.#options.hostGateway || formatIpv4(this.#started().gateway);
  }

  #started(): BridgeNetwork {
    if (this.#bridge !== undefined) return this.#bridge;
    throw new SampanError('unavailable', 'the bridge network has not been started');
  }

  #defaultHostAddresses(): readonly string[] {
    const { defaultBindAddress, userlandRelay } = this.#options;
    if (defaultBindAddress !== '' && defaultBindAddress !== '0.0.0.0') return [defaultBindAddress];
    return this.#ipv6 === 'absent' || !userlandRelay ? ['0.0.0.0'] : ['0.0.0.0', '::'];
  }

  #describeBridge(subnet?: string, gateway?: string): Network {
    const { bridge, icc, ipMasquerade, mtu, defaultBindAddress } = this.#options;
    const options = {
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.bridge.enable_icc': String(icc),
      'com.docker.network.bridge.enable_ip_masquerade': String(ipMasquerade),
      'com.docker.network.bridge.host_binding_ipv4': defaultBindAddress || '0.0.0.0',
      'com.docker.network.bridge.name': bridge,
      'com.docker.network.driver.mtu': String(mtu),
    };
    const ipam = subnet === undefined || gateway === undefined ? [] : [{ subnet, gateway }];
    return { ...describe(this.#records.bridge), options, ipam };
  }
}

function describe(record: NetworkRecord): Network {
  return { ...record, scope: 'local', internal: false, enableIPv6: false, options: {}, labels: {}, ipam: [] };
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
