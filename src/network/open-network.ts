import type { Context } from '../base/context.ts';
import { internal } from '../base/errors.ts';
import type { Launcher } from '../plan/contract.ts';
import { BridgeNetwork } from './bridge-network.ts';
import { type BridgeSettings, parseBridgeSettings } from './bridge-settings.ts';
import type { Network } from './contract.ts';
import type { HostIpv6 } from './endpoint-plan.ts';
import type { LiveNetwork } from './live-network.ts';
import type { Link } from './netlink/links.ts';
import { prepareParent, randomMac } from './parent-interface.ts';
import type { PortAllocator } from './ports.ts';
import { parseStackedSettings, StackedNetwork } from './stacked-network.ts';

/** What all networks of a host have in common. */
export interface NetworkHost {
  readonly launcher: Launcher;
  readonly mtu: number;
  readonly ipv6: HostIpv6;
  readonly ports: PortAllocator;
  readonly defaultHostAddresses: readonly string[];
  /** Whether the host is to pass packets between interfaces. */
  readonly forwards: boolean;
}

/** The MTU of networks that say nothing: the daemon's is the default bridge's alone. */
const DEFAULT_MTU = 1500;

export function bridgeSettingsOf(network: Network): BridgeSettings {
  return parseBridgeSettings(network.options, network, DEFAULT_MTU);
}

/**
 * What the drivers make of a network, its parent interface found or made; bridges take `setUp` yet. Fails with `invalid-argument` for
 * options that mean nothing.
 */
export async function openNetwork(
  context: Context,
  host: NetworkHost,
  links: readonly Link[],
  network: Network,
): Promise<LiveNetwork> {
  if (network.driver === 'bridge') return openBridge(host, links, network);
  const settings = parseStackedSettings(network);
  const parent = await prepareParent(context, host.launcher, links, network, settings.parent);
  const { index, made } = parent;
  return new StackedNetwork({ network, settings, parent: index, madeParent: made, ipv6: host.ipv6 });
}

function openBridge(host: NetworkHost, links: readonly Link[], network: Network): BridgeNetwork {
  const settings = bridgeSettingsOf(network);
  const link = links.find(({ name }) => name === settings.name);
  if (link !== undefined && link.kind !== 'bridge') {
    throw internal(`interface ${settings.name} exists and is not a bridge`);
  }
  return new BridgeNetwork({
    network,
    settings,
    index: link?.index ?? newIndex(),
    existing: link !== undefined,
    macAddress: randomMac(),
    ipv6: host.ipv6,
    ports: host.ports,
    defaultHostAddresses: host.defaultHostAddresses,
    forwards: host.forwards,
    addressesByHand: true,
  });
}

/** One that the kernel, which counts from 1, will not come to: one plan can make an interface and go on with it. */
function newIndex(): number {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return 0x40000000 | (random >>> 3);
}
