import { existsSync, readFileSync } from 'node:fs';
import type { Context } from '../base/context.ts';
import { messageOf, SampanError } from '../base/errors.ts';
import type { Operation } from '../plan/operations.ts';
import { addressesInUse, enableForwarding, type HostNetwork, inspectHost, prepareBridge } from './bridge.ts';
import { BridgeNetwork } from './bridge-network.ts';
import type { Endpoint, Network, PortReach } from './contract.ts';
import { defaultBridgePools } from './describe.ts';
import { firewallPortsOf, type HostIpv6 } from './endpoint-plan.ts';
import { addBridge, type FirewallBridge, type FirewallPorts, removeBridgeRules } from './firewall.ts';
import { HostFirewall } from './host-firewall.ts';
import type { LiveNetwork } from './live-network.ts';
import type { Link } from './netlink/links.ts';
import { prefixOf } from './network-config.ts';
import { bridgeSettingsOf, type NetworkHost, openNetwork } from './open-network.ts';
import type { NetworksOptions } from './options.ts';
import { PortAllocator } from './ports.ts';
import { reachOf, reachUnknown, type Surveyed, surveyFirewall } from './reachability.ts';
import type { SubnetPool } from './subnets.ts';

/** What there is to be set up when the daemon starts. */
export interface Inventory {
  /** Without its subnet, which is found out or chosen here. */
  readonly defaultBridge: Network;
  readonly others: readonly Network[];
  readonly endpoints: readonly Endpoint[];
  readonly pools: readonly SubnetPool[];
}

/** The networks that are set up on this host, and the firewall's table for them. */
export class LiveNetworks {
  readonly table: string;
  readonly #options: NetworksOptions;
  readonly #ipv6: HostIpv6;
  readonly #live = new Map<string, LiveNetwork>();
  /** Endpoints that are on their way out. */
  readonly #leaving = new Set<string>();
  /** Removals of interfaces under way. */
  readonly #going = new Set<Promise<void>>();
  #host: NetworkHost | undefined;
  #bridge: BridgeNetwork | undefined;
  readonly #firewall: HostFirewall;

  /** `onRestored` is called with those that the firewall is made anew for. */
  constructor(options: NetworksOptions, onRestored: (endpoints: readonly Endpoint[]) => void) {
    this.#options = options;
    this.table = options.tableName ?? tableFor(options.bridge);
    this.#ipv6 = options.ipv6 ?? hostIpv6();
    this.#firewall = new HostFirewall({
      ...{ launcher: options.launcher, log: options.log, table: this.table, ipv6: this.#ipv6 },
      manners: options.hostFirewall ?? 'respect',
      families: options.firewall ?? { ipv4: true, ipv6: true },
      contents: () => this.#firewallContents(),
      restoring: () => onRestored([...this.#live.values()].flatMap(({ endpoints }) => endpoints)),
    });
  }

  /** The default bridge as it is set up; undefined before `start` and after `stop`. */
  get defaultBridge(): Network | undefined {
    return this.#bridge?.network;
  }

  /** Fails with `unavailable` before `start`. */
  get host(): NetworkHost {
    if (this.#host !== undefined && this.#bridge !== undefined) return this.#host;
    throw new SampanError('unavailable', 'the bridge network has not been started');
  }

  /** As `Networks` has it. Rules that cannot be read are no reason to fail: nobody knows then. */
  async reachOf(
    context: Context,
    endpoints: readonly Endpoint[],
  ): Promise<ReadonlyMap<string, readonly PortReach[]>> {
    const published = endpoints.filter(({ ports }) => ports.length > 0);
    if (published.length === 0) return new Map();
    const { ways } = this.#firewall;
    let surveyed: Surveyed;
    try {
      surveyed = await surveyFirewall(context, this.#options.launcher, ways);
    } catch (error) {
      this.#options.log.warn('cannot read the rules of the host', { error: messageOf(error) });
      return new Map(published.map((endpoint) => [endpoint.endpointId, reachUnknown(endpoint)]));
    }
    return new Map(
      published.flatMap((endpoint) => {
        const bridge = this.#live.get(endpoint.networkId)?.firewall;
        if (bridge === undefined) return [];
        const destination = { endpoint, bridge: bridge.name, internal: bridge.internal };
        return [[endpoint.endpointId, reachOf(surveyed, ways, destination)] as const];
      }),
    );
  }

  find(id: string): LiveNetwork | undefined {
    return this.#live.get(id);
  }

  /** Makes everything what it should be, whatever is there already. */
  async start(context: Context, inventory: Inventory): Promise<void> {
    const { launcher, bridge: name, ipForward, mtu } = this.#options;
    const host = await inspectHost(context, launcher, name);
    const ports = new PortAllocator(host.ephemeralPorts);
    const defaultHostAddresses = this.#defaultHostAddresses();
    const common = { launcher, mtu, ipv6: this.#ipv6, ports, defaultHostAddresses, forwards: ipForward };
    this.#host = common;
    this.#live.clear();
    this.#bridge = await this.#openDefaultBridge(context, host, common, inventory);
    this.#live.set(this.#bridge.network.id, this.#bridge);
    for (const network of inventory.others) await this.#reopen(context, host, common, network);
    for (const endpoint of inventory.endpoints) this.#live.get(endpoint.networkId)?.restore(endpoint);
    await this.#setUpAll(context);
    await this.#firewall.start(context, host.links);
    if (ipForward && !host.forwarding) {
      this.#options.log.info('enabling IP forwarding');
      await launcher.run(context, { before: [enableForwarding()] });
    }
  }

  /** Containers outlive the daemon: while any is connected, what it needs stays. */
  async stop(context: Context): Promise<void> {
    await this.settled();
    await this.#firewall.rest();
    const networks = [...this.#live.values()];
    if (this.#bridge === undefined || networks.some(({ endpoints }) => endpoints.length > 0)) return;
    this.#bridge = undefined;
    this.#live.clear();
    await this.#firewall.stop(context);
    await this.#options.launcher.run(context, { before: networks.flatMap((network) => network.tearDown()) });
  }

  /** Has the firewall, should somebody flush it now, come back without an endpoint, until that has left or this is disposed of. */
  leaving({ endpointId }: Endpoint): Disposable {
    this.#leaving.add(endpointId);
    return { [Symbol.dispose]: () => void this.#leaving.delete(endpointId) };
  }

  /** Sets a new network up; when that fails, nothing of it stays. */
  async make(context: Context, network: Network, links: readonly Link[]): Promise<void> {
    const live = await openNetwork(context, this.host, links, network);
    const rules = live.firewall === undefined ? [] : [addBridge(this.table, live.firewall)];
    const before = [...live.setUp(), ...rules];
    // First: whoever puts a flushed firewall back finds what is to be in it here.
    this.#live.set(network.id, live);
    try {
      if (before.length > 0) await this.#options.launcher.run(context, { before });
    } catch (error) {
      this.#live.delete(network.id);
      await this.#clearAway(context, live);
      throw error;
    }
  }

  /**
   * One that nobody is in: nobody can join it from now on. It is back if the firewall cannot be changed. Its interfaces go soon: the
   * kernel takes tens of milliseconds to let one go, for which nobody needs to wait but who wants the same name.
   */
  async remove(context: Context, id: string): Promise<void> {
    const live = this.#live.get(id);
    if (live === undefined) return;
    this.#live.delete(id);
    try {
      const rules = this.#removeRules(live);
      if (rules.length > 0) await this.#options.launcher.run(context, { before: rules });
    } catch (error) {
      this.#live.set(id, live);
      throw error;
    }
    const before = live.tearDown();
    if (before.length === 0) return;
    const going = this.#options.launcher
      .run(context, { before })
      .then(() => {})
      .catch((error) => {
        this.#options.log.warn('cannot remove the interfaces of a network', {
          network: live.network.name,
          error: messageOf(error),
        });
      })
      .finally(() => this.#going.delete(going));
    this.#going.add(going);
  }

  /** Resolves when the interfaces of removed networks are gone. */
  async settled(): Promise<void> {
    await Promise.all(this.#going);
  }

  async #openDefaultBridge(
    context: Context,
    host: HostNetwork,
    common: NetworkHost,
    { defaultBridge, others, endpoints, pools }: Inventory,
  ): Promise<BridgeNetwork> {
    const { launcher, bridge: name, bip, mtu, defaultBridge: more } = this.#options;
    const mine = endpoints.filter(({ networkId }) => networkId === defaultBridge.id);
    const bridge = await prepareBridge(context, launcher, host, {
      name,
      mtu,
      address: bip,
      subnet: more?.range ?? '',
      ipv6: more?.ipv6 === true ? { address: more.bip6, subnet: more.subnet6 } : undefined,
      inUse: addressesInUse(mine, host),
      otherNetworks: others.flatMap(({ ipam }) => ipam.map(({ subnet }) => prefixOf(subnet))),
      pools,
      ports: mine.map(({ hostInterface }) => hostInterface),
    });
    const network = {
      ...defaultBridge,
      enableIPv6: bridge.ipv6 !== undefined,
      ownsInterface: bridge.own,
      ipam: defaultBridgePools(bridge, this.#options),
    };
    return new BridgeNetwork({
      network,
      settings: bridgeSettingsOf(network),
      index: bridge.index,
      existing: true,
      macAddress: '',
      ipv6: common.ipv6,
      ports: common.ports,
      defaultHostAddresses: common.defaultHostAddresses,
      forwards: common.forwards,
      addressesByHand: false,
    });
  }

  /** What of a network somebody made is missing is for `#setUpAll`; one that cannot be opened stays known. */
  async #reopen(context: Context, host: HostNetwork, common: NetworkHost, network: Network): Promise<void> {
    if (network.configOnly) return;
    try {
      this.#live.set(network.id, await openNetwork(context, common, host.links, network));
    } catch (error) {
      this.#options.log.error('cannot set up a network', { network: network.name, error: messageOf(error) });
    }
  }

  /** All in one plan; where that fails, each alone, so that one that is broken is the only one missing. */
  async #setUpAll(context: Context): Promise<void> {
    const { launcher, log } = this.#options;
    const networks = [...this.#live.values()];
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

  #firewallContents(): { bridges: readonly FirewallBridge[]; ports: FirewallPorts } {
    const networks = [...this.#live.values()];
    const ports = networks
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ endpointId }) => !this.#leaving.has(endpointId))
      .map(firewallPortsOf);
    return {
      bridges: networks.flatMap(({ firewall }) => (firewall === undefined ? [] : [firewall])),
      ports: {
        translations: ports.flatMap(({ translations }) => translations),
        open: ports.flatMap(({ open }) => open),
        linked: ports.flatMap(({ linked = [] }) => linked),
      },
    };
  }

  async #clearAway(context: Context, network: LiveNetwork): Promise<void> {
    try {
      await this.#options.launcher.run(context, { before: this.#tearDown(network) });
    } catch (error) {
      this.#options.log.warn('cannot clear away a network', { network: network.network.name, error });
    }
  }

  #tearDown(network: LiveNetwork): readonly Operation[] {
    return [...this.#removeRules(network), ...network.tearDown()];
  }

  #removeRules({ firewall }: LiveNetwork): readonly Operation[] {
    return firewall === undefined ? [] : [removeBridgeRules(this.table, firewall)];
  }

  #defaultHostAddresses(): readonly string[] {
    const { defaultBindAddress, userlandRelay } = this.#options;
    if (defaultBindAddress !== '' && defaultBindAddress !== '0.0.0.0') return [defaultBindAddress];
    return this.#ipv6 === 'absent' || !userlandRelay ? ['0.0.0.0'] : ['0.0.0.0', '::'];
  }
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
