import { invalid, notFound } from '../base/errors.ts';
import type { Network, NetworkPool, NetworkRequest } from './contract.ts';
import type { Subnet } from './ip.ts';
import type { Link } from './netlink/links.ts';
import {
  automaticPool,
  checkOverlap,
  checkPools,
  chosenPools,
  forbidden,
  prefixOf,
  withGateway,
} from './network-config.ts';
import { bridgeSettingsOf } from './open-network.ts';
import { makesParent } from './parent-interface.ts';
import { parseStackedSettings } from './stacked-network.ts';
import { newId } from './store.ts';
import { firstFreeSubnet, type SubnetPool } from './subnets.ts';

export interface Surroundings {
  survey(): Promise<{ readonly links: readonly Link[]; readonly taken: readonly Subnet[] }>;
  /** All other networks, those that are being made included. */
  others(): readonly Network[];
  readonly pools: readonly SubnetPool[];
  /** Called with the decision in the same instant in which it is made. */
  settle(network: Network): void;
}

export interface Decision {
  readonly network: Network;
  readonly links: readonly Link[];
}

/** Turns what was asked for into a network with subnets and gateways. Fails in Docker's words. */
export async function decideNetwork(request: NetworkRequest, around: Surroundings): Promise<Decision> {
  const asked = request.configFrom === '' ? request : configured(request, around.others());
  const families: readonly (4 | 6)[] = [
    ...(asked.enableIPv4 === false ? [] : ([4] as const)),
    ...(asked.enableIPv6 === true ? ([6] as const) : []),
  ];
  checkPools(asked.pools, asked.enableIPv6 === true);
  const base = describe(asked);
  checkOptions(base, around.others());
  if (asked.configOnly) {
    const network = { ...base, ipam: chosenPools(asked, [4, 6]) };
    around.settle(network);
    return { network, links: [] };
  }
  const { links, taken } = await around.survey();
  const chosen = chosenPools(asked, families);
  const others = around.others();
  checkOverlap(chosen, others);
  const network = {
    ...base,
    ipam: completePools(base, chosen, { families, taken, others, pools: around.pools }),
    ownsInterface: ownsInterface(base, links),
  };
  around.settle(network);
  return { network, links };
}

/** What `--config-from` names, under the new network's own name. */
function configured(request: NetworkRequest, others: readonly Network[]): NetworkRequest {
  const source = others.find(({ name, id }) => name === request.configFrom || id === request.configFrom);
  if (source === undefined) throw notFound(`configuration network ${request.configFrom} not found`);
  if (!source.configOnly) throw forbidden(`network ${source.name} is not a configuration network`);
  if (request.pools.length > 0 || Object.keys(request.options).length > 0) {
    throw forbidden(
      'user-specified configurations are not supported if the network depends on a configuration network',
    );
  }
  return {
    ...request,
    configFrom: source.name,
    enableIPv4: source.enableIPv4,
    enableIPv6: source.enableIPv6,
    internal: source.internal,
    attachable: source.attachable,
    options: source.options,
    labels: { ...source.labels, ...request.labels },
    pools: source.ipam,
    ipamOptions: source.ipamOptions,
  };
}

function describe(request: NetworkRequest): Network {
  const { name, driver, internal, attachable, configOnly, configFrom, options, labels } = request;
  return {
    ...{ name, internal, attachable, configOnly, configFrom, options, labels },
    id: newId(),
    driver: configOnly ? 'null' : driver,
    created: new Date(),
    scope: 'local',
    enableIPv4: request.enableIPv4 ?? true,
    enableIPv6: request.enableIPv6 ?? false,
    ownsInterface: true,
    ipam: [],
    ipamOptions: request.ipamOptions,
  };
}

/** Fails for options that the driver does not understand, and for a bridge that another network has. */
function checkOptions(network: Network, others: readonly Network[]): void {
  if (network.driver === 'macvlan' || network.driver === 'ipvlan') parseStackedSettings(network);
  if (network.driver !== 'bridge') return;
  const { name } = bridgeSettingsOf(network);
  const rival = others.find((other) => other.driver === 'bridge' && bridgeSettingsOf(other).name === name);
  if (rival === undefined) return;
  throw forbidden(
    `cannot create network ${network.id} (${name}): conflicts with network ${rival.id} (${name}): networks have same bridge name`,
  );
}

function ownsInterface(network: Network, links: readonly Link[]): boolean {
  if (network.driver !== 'bridge') return makesParent(links, parseStackedSettings(network).parent);
  const { name } = bridgeSettingsOf(network);
  return !links.some((link) => link.name === name);
}

interface Space {
  readonly families: readonly (4 | 6)[];
  /** Subnets that the host uses. */
  readonly taken: readonly Subnet[];
  readonly others: readonly Network[];
  readonly pools: readonly SubnetPool[];
}

/** The pools that were chosen, one of each further family, all with gateways. */
function completePools(
  network: Network,
  chosen: readonly NetworkPool[],
  space: Space,
): readonly NetworkPool[] {
  const pools: NetworkPool[] = [...chosen];
  const promised = [...space.others.flatMap(({ ipam }) => ipam), ...chosen].map(({ subnet }) =>
    prefixOf(subnet),
  );
  for (const family of space.families) {
    if (pools.some(({ subnet }) => prefixOf(subnet).family === family)) continue;
    const subnet = firstFreeSubnet([...space.taken, ...promised], family, space.pools);
    pools.push(automaticPool(subnet));
    promised.push(subnet);
  }
  const bridges = pools.filter(({ subnet }) => prefixOf(subnet).family === 4).length;
  if (network.driver === 'bridge' && bridges > 1) {
    throw invalid('bridge driver only supports one IPv4 subnet');
  }
  return pools.map(withGateway);
}
