import type { Database } from 'bun:sqlite';
import type { EventSink } from '../base/events.ts';
import type { Logger } from '../base/log.ts';
import type { Follower, Launcher } from '../plan/contract.ts';
import type { HostIpv6 } from './endpoint-plan.ts';

/**
 * How published ports and the host's own firewall get on: `respect` asks its input rules and opens what its forward chains shut by default;
 * `bypass` does not ask them, as Docker does not; `hands-off` asks them and leaves its chains alone.
 */
export type HostFirewall = 'respect' | 'bypass' | 'hands-off';

/** More of the default bridge; what is empty is left open. */
export interface DefaultBridgeOptions {
  readonly ipv6: boolean;
  /** Its IPv6 address with its prefix length. */
  readonly bip6: string;
  /** The part of its IPv4 subnet that containers have their addresses from; without an address of the bridge, the subnet. */
  readonly range: string;
  readonly subnet6: string;
  /** Containers' gateways, if those are not the bridge. */
  readonly gateway: string;
  readonly gateway6: string;
}

export interface NetworksOptions {
  readonly launcher: Launcher & Follower;
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
  /** Whether what comes from outside to a published port has to pass the host's own input rules first; it has to when absent. */
  readonly hostFirewall?: HostFirewall;
  /** Where ports without an address are published; empty or 0.0.0.0 for every address. */
  readonly defaultBindAddress: string;
  /** What `host-gateway` stands for; empty for the default bridge's gateway. */
  readonly hostGateway: string;
  /** Where subnets come from, as "base=10.10.0.0/16,size=24"; Docker's when absent or of a family that is not among them. */
  readonly addressPools?: readonly string[];
  /** Whether rules are made, for each family; both when absent. Without IPv4's there are none at all. */
  readonly firewall?: { readonly ipv4: boolean; readonly ipv6: boolean };
  readonly defaultBridge?: DefaultBridgeOptions;
  /** What new networks have that say nothing else, as "driver=option=value". */
  readonly driverOptions?: readonly string[];
  /** Of new interfaces; found out when absent. */
  readonly ipv6?: HostIpv6;
  /** The directory of files that tell supervisors who is who in each network. */
  readonly namesDirectory: string;
}
