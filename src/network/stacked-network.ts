import { invalid } from '../base/errors.ts';
import { errno } from '../plan/errno.ts';
import type { Operation } from '../plan/operations.ts';
import { type Endpoint, type EndpointRequest, type Network, networkSlots } from './contract.ts';
import { endpointSysctls } from './endpoint-options.ts';
import {
  addressMessages,
  DEVICE_ROUTE,
  defaultRoutes,
  type HostIpv6,
  insideContainer,
  interfaceIndex,
  type JoinSteps,
  writeSysctl,
} from './endpoint-plan.ts';
import type { Joined, LiveNetwork } from './live-network.ts';
import { Membership } from './membership.ts';
import { LOOPBACK_INDEX, protocol } from './netlink/constants.ts';
import { deleteLink, raiseLink } from './netlink/links.ts';
import { netlinkOperation } from './netlink/message.ts';
import {
  createStackedLink,
  ipvlanFlags,
  ipvlanModes,
  macvlanModes,
  type StackedKind,
} from './netlink/stacked-links.ts';

/** A macvlan or ipvlan network's driver options, understood. */
export interface StackedSettings {
  readonly kind: 'macvlan' | 'ipvlan';
  /** The interface below; empty for one of the network's own that leads nowhere. */
  readonly parent: string;
  readonly mode: number;
  readonly flags: number;
  /** Containers send straight to everywhere, by no gateway. */
  readonly routesByDevice: boolean;
}

/** Fails with `invalid-argument` in Docker's words. */
export function parseStackedSettings({ driver, options, internal }: Network): StackedSettings {
  const kind = driver === 'ipvlan' ? 'ipvlan' : 'macvlan';
  const parent = options['parent'] ?? '';
  if (parent === 'lo') throw invalid(`loopback interface is not a valid ${kind} parent link`);
  if (parent.length > 15 || /[/\s]/.test(parent)) throw invalid(`invalid parent interface: ${parent}`);
  const modes = kind === 'macvlan' ? macvlanModes : ipvlanModes;
  const byDefault = kind === 'macvlan' ? 'bridge' : 'l2';
  const modeName = options[`${kind}_mode`] || byDefault;
  const mode = modes.get(modeName);
  if (mode === undefined) {
    throw invalid(
      `requested ${kind} mode '${modeName}' is not valid, '${byDefault}' mode is the ${kind} driver default`,
    );
  }
  const flagName = options['ipvlan_flag'] || 'bridge';
  const flags = ipvlanFlags.get(flagName);
  if (flags === undefined) {
    throw invalid(
      `requested ipvlan flag '${flagName}' is not valid, 'bridge' flag is the ipvlan driver default`,
    );
  }
  const layer3 = kind === 'ipvlan' && modeName !== 'l2';
  return { kind, parent: internal ? '' : parent, mode, flags, routesByDevice: layer3 };
}

export interface StackedNetworkOptions {
  readonly network: Network;
  readonly settings: StackedSettings;
  /** Index of the interface below. */
  readonly parent: number;
  /** What the network made and removing it removes; empty for nothing. */
  readonly madeParent: string;
  readonly ipv6: HostIpv6;
}

/** A network whose containers sit on an interface of the host, side by side with the host itself. */
export class StackedNetwork implements LiveNetwork {
  readonly network: Network;
  readonly firewall = undefined;
  readonly #options: StackedNetworkOptions;
  readonly #members: Membership;

  constructor(options: StackedNetworkOptions) {
    this.network = options.network;
    this.#options = options;
    this.#members = new Membership(options.network);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#members.endpoints;
  }

  setUp(): readonly Operation[] {
    return [];
  }

  tearDown(): readonly Operation[] {
    const { madeParent } = this.#options;
    if (madeParent === '') return [];
    return [netlinkOperation(protocol.route, [deleteLink(madeParent)], [errno.ENODEV])];
  }

  join(request: EndpointRequest): Joined {
    const joined = this.#members.join(request);
    const endpoint: Endpoint = { ...joined, ...this.#gateways(joined) };
    this.#members.update(endpoint);
    return { endpoint, steps: this.#steps(endpoint, request) };
  }

  /** Its containers are reached at their own addresses. */
  allocatePorts(): [] {
    return [];
  }

  leave(endpoint: Endpoint): boolean {
    return this.#members.leave(endpoint);
  }

  restore(endpoint: Endpoint): void {
    this.#members.restore(endpoint);
  }

  replace(endpoint: Endpoint): void {
    this.#members.update(endpoint);
  }

  chose(): boolean {
    return false;
  }

  #gateways({ ipv4Address, ipv6Address }: Endpoint): Partial<Endpoint> {
    if (this.network.internal) return { gateway: '', ipv6Gateway: '' };
    if (!this.#options.settings.routesByDevice) return {};
    return {
      gateway: ipv4Address === '' ? '' : DEVICE_ROUTE,
      ipv6Gateway: ipv6Address === '' ? '' : DEVICE_ROUTE,
    };
  }

  #steps(endpoint: Endpoint, request: EndpointRequest): JoinSteps {
    const { parent, ipv6 } = this.#options;
    const { interfaceName: name, ipv6Address } = endpoint;
    const index = interfaceIndex(name);
    const disableIpv6 = `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`;
    const create = createStackedLink({
      name,
      index,
      parent,
      namespace: { slot: networkSlots.container },
      kind: this.#kind(endpoint),
    });
    const messages = [
      raiseLink(LOOPBACK_INDEX),
      raiseLink(index),
      ...addressMessages(endpoint, request.linkLocal),
      ...defaultRoutes(endpoint, request.gateway),
    ];
    return [
      netlinkOperation(protocol.route, [create]),
      ...insideContainer([
        ...(ipv6 === 'absent' ? [] : [writeSysctl(disableIpv6, ipv6Address === '' ? '1' : '0')]),
        netlinkOperation(protocol.route, messages),
        ...endpointSysctls(request, name),
      ]),
    ];
  }

  #kind({ macAddress }: Endpoint): StackedKind {
    const { kind, mode, flags } = this.#options.settings;
    return kind === 'macvlan' ? { kind, mode, macAddress } : { kind, mode, flags };
  }
}
