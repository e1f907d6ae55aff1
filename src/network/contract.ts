import type { Context } from '../base/context.ts';
import type { SampanError } from '../base/errors.ts';
import type { Plan } from '../plan/operations.ts';
import type { NetworkNames } from './names.ts';

/**
 * Networks: what connects containers.
 *
 * An *endpoint* is a container's place in a network: addresses, MAC, interface, published ports. `connect` allocates it and says what
 * the start's plan must do; the plan's `after` stage undoes the kernel part even when the daemon is gone. `disconnect` gives the
 * addresses back. A container that runs already is changed by `join`, `leave`, `reroute` and `planPorts`.
 */
export interface Networks {
  /** Makes the bridges and the firewall table as configured; safe to repeat. Endpoints in `live` keep their addresses. */
  start(context: Context, live: readonly Endpoint[]): Promise<void>;
  /** Removes the firewall table and idle bridges. */
  stop(context: Context): Promise<void>;
  list(): readonly Network[];
  /** By name, full ID or unique ID prefix. Fails with `not-found` "network X not found". */
  get(reference: string): Network;
  /** Makes a network. Fails in Docker's words: `conflict` for a name that is taken, `invalid-argument`, `permission-denied`. */
  create(
    context: Context,
    request: NetworkRequest,
  ): Promise<{ readonly id: string; readonly warning: string }>;
  /** Fails with `permission-denied` for a predefined network and for one with endpoints. */
  remove(context: Context, reference: string): Promise<void>;
  /** Removes the networks that `filter` takes and no endpoint is in. Returns their names. */
  prune(context: Context, filter: (network: Network) => boolean): Promise<readonly string[]>;
  /** Allocates. Fails with `conflict`/`internal` in Docker's wording when a port is taken or addresses have run out. */
  connect(context: Context, request: EndpointRequest): Promise<ConnectedEndpoint>;
  disconnect(context: Context, endpoint: Endpoint): Promise<void>;
  /** The supervisor is gone and may not have undone what a start did for this endpoint: `disconnect` will. */
  abandon(endpoint: Endpoint): void;
  /** As `connect`, carried out at once in the network namespace of process `pid`; its plan's `before` stage has no ports to bind. */
  join(context: Context, request: EndpointRequest, pid: number): Promise<Endpoint>;
  /** Takes the interface out of the namespace of `pid`, then `disconnect`. */
  leave(context: Context, endpoint: Endpoint, pid: number): Promise<void>;
  /** Makes the default routes in the namespace of `pid` go by these endpoints; undefined for no route of that family. */
  reroute(context: Context, pid: number, gateways: Gateways): Promise<void>;
  /**
   * Puts right what a killed daemon left half-done of a join or a leave: interfaces that belong to none of the container's `endpoints` are removed.
   * Returns those of them that have no interface.
   */
  mend(context: Context, pid: number, endpoints: readonly Endpoint[]): Promise<readonly Endpoint[]>;
  /** What the supervisor of a container that runs publishes for an endpoint: for `Task.publish`. */
  publishPlan(endpoint: Endpoint | undefined): Partial<Plan>;
  /**
   * Reserves what it takes to publish other ports of a container that runs, or the same by another endpoint. Nothing is open yet. Ports that
   * need not change do not. Fails as `connect` does.
   */
  planPorts(request: PortChangeRequest): PortChange;
  /** What a failed start has to do with an endpoint's ports; undefined when they are not to blame. To be asked before `disconnect`. */
  explainStart(error: unknown, endpoint: Endpoint, containerName: string): PublishFailure | undefined;
  /** Replaces what a running container may reach although containers of its network may not talk to each other. */
  relink(context: Context, endpoint: Endpoint, linked: readonly LinkedPort[]): Promise<Endpoint>;
  /** Which of these endpoints' published ports other hosts get to, by endpoint ID. */
  reachOf(
    context: Context,
    endpoints: readonly Endpoint[],
  ): Promise<ReadonlyMap<string, readonly PortReach[]>>;
  /** The default bridge's gateway: what `host-gateway` stands for. */
  hostGateway(): string;
  /** Takes in an endpoint whose names have changed. */
  rename(endpoint: Endpoint): void;
  /** Who goes by which name, per network. */
  readonly names: NetworkNames;
  /** Tells that to containers. */
  readonly dns: NameService;
}

/** Containers in networks that somebody made have a DNS server, which goes on without the daemon: their supervisor. */
export interface NameService {
  /** Whether a container with these endpoints has one. */
  serves(endpoints: readonly Endpoint[]): boolean;
  /** What its start must do; its parent steps come before those of the endpoints. Nothing for a container that has none. */
  startPlan(request: DnsRequest): Partial<Plan>;
  /** What the supervisor of a running container is told when its networks have changed. */
  settings(request: DnsRequest): Uint8Array;
  /** Makes the way to a server that the container of process `pid` has got on `port` while it ran; safe to repeat. */
  redirect(context: Context, pid: number, port: number): Promise<void>;
}

export interface DnsRequest {
  /** All of the container's. */
  readonly endpoints: readonly Endpoint[];
  /** Who is asked for names that no network knows; the host's servers if empty. */
  readonly servers: readonly string[];
  /** Names without a dot have the search list tried first, and are not asked for elsewhere. */
  readonly dotlessStay: boolean;
}

export interface PortChangeRequest {
  /** By which endpoint the container's ports are published now; undefined for none. */
  readonly from: Endpoint | undefined;
  /** By which they are to be, the same or another; undefined for none. */
  readonly to: Endpoint | undefined;
  readonly ports: readonly PortRequest[];
  /** Those of `from` that go even if one of `ports` could be meant; none when absent. */
  readonly without?: readonly PublishedPort[];
}

/**
 * To be carried out in three steps: the supervisor is told of `plans`; then `apply`; then the endpoints are written down as they are and `commit`.
 * Where a later step fails, `revert` undoes `apply`; in any case `cancel`, and the supervisor is told of `planBefore`. `explainStart` knows why one could not be bound.
 */
export interface PortChange {
  /** As it will be; undefined where the request's is. */
  readonly from: Endpoint | undefined;
  readonly to: Endpoint | undefined;
  /** For `Task.publish`, one after the other: a port that takes another's place cannot be opened before that one is closed. */
  readonly plans: readonly Partial<Plan>[];
  readonly planBefore: Partial<Plan>;
  /** Has the firewall follow. It is as before when that fails. */
  apply(context: Context): Promise<void>;
  revert(context: Context): Promise<void>;
  /** What is no longer published can be had by others. */
  commit(): void;
  cancel(): void;
}

/** A host port could not be bound. */
export interface PublishFailure {
  /** In Docker's wording. */
  readonly error: SampanError;
  /** Another program had a port that was Sampan's to choose: after `disconnect`, another `connect` gets a different one. */
  readonly again: boolean;
}

/** Slots of the launcher's table that an endpoint's plan uses, in its parent stage only. */
export const networkSlots = { host: 60, container: 61 } as const;

/** The networks that every daemon has. */
export const predefinedNetworks: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);

/** Plain data: kept as a row. */
export interface Network {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** "bridge", "macvlan", "ipvlan", "host", "null". */
  readonly driver: string;
  readonly created: Date;
  readonly scope: 'local';
  /** Nothing goes in or out of it. */
  readonly internal: boolean;
  readonly attachable: boolean;
  /** A template of others, by their `configFrom`; nothing can join it. */
  readonly configOnly: boolean;
  readonly configFrom: string;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  /** Whether its interface on the host goes with it: false where it was there before. */
  readonly ownsInterface: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam: readonly NetworkPool[];
  /** Null as long as nobody gave any. */
  readonly ipamOptions: Readonly<Record<string, string>> | null;
}

export interface NetworkPool {
  /** With its prefix length. */
  readonly subnet: string;
  /** Where containers send what is for elsewhere; empty for nowhere. */
  readonly gateway: string;
  /** The part of the subnet that addresses are handed out of; empty for all. */
  readonly ipRange: string;
  /** Addresses that others have, by their names. */
  readonly auxiliary: Readonly<Record<string, string>>;
  /** What of it the user chose. */
  readonly chosen: { readonly subnet: boolean; readonly gateway: boolean };
}

export interface NetworkRequest {
  readonly name: string;
  readonly driver: string;
  readonly scope: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ingress: boolean;
  readonly configOnly: boolean;
  readonly configFrom: string;
  /** Undefined for the default: IPv4 yes, IPv6 no. */
  readonly enableIPv4: boolean | undefined;
  readonly enableIPv6: boolean | undefined;
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>> | null;
  readonly pools: readonly PoolRequest[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** Texts as given; empty for what is left open. */
export interface PoolRequest {
  readonly subnet: string;
  readonly ipRange: string;
  readonly gateway: string;
  readonly auxiliary: Readonly<Record<string, string>>;
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

export interface PortRequest {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** "" for every address of the host, IPv4 and IPv6. */
  readonly hostAddress: string;
  /** First and last acceptable host port; both 0 for an ephemeral one. */
  readonly hostPort: number;
  readonly hostPortEnd: number;
}

export interface EndpointRequest {
  readonly network: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly ports: readonly PortRequest[];
  readonly macAddress: string | undefined;
  readonly ipv4Address: string | undefined;
  readonly ipv6Address: string | undefined;
  readonly linkLocal: readonly string[];
  /** "eth0", "eth1" ... in the container. */
  readonly interfaceName: string;
  /** Which of the container's default routes go this way. */
  readonly gateway: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** What others on the network call it. */
  readonly names: readonly string[];
  /** What it alone calls others: alias to name. */
  readonly links: Readonly<Record<string, string>>;
  readonly driverOptions: Readonly<Record<string, string>>;
  /** What it may reach although containers of the network may not talk to each other. */
  readonly linked?: readonly LinkedPort[];
}

/** A port of another container. */
export interface LinkedPort {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

/** Plain data: stored with the container. Addresses and gateways are empty where there are none. */
export interface Endpoint {
  readonly networkId: string;
  readonly networkName: string;
  /** 64 hex digits. */
  readonly endpointId: string;
  readonly containerId: string;
  readonly containerName: string;
  readonly macAddress: string;
  readonly ipv4Address: string;
  readonly ipv4PrefixLength: number;
  readonly gateway: string;
  readonly ipv6Address: string;
  readonly ipv6PrefixLength: number;
  readonly ipv6Gateway: string;
  /** In the container; empty for the host's network. */
  readonly interfaceName: string;
  /** Name of the host's end of the pair; empty for other kinds. */
  readonly hostInterface: string;
  readonly ports: readonly PublishedPort[];
  readonly names: readonly string[];
  readonly links: Readonly<Record<string, string>>;
  /** Where containers of the network may not talk to each other: what it may reach all the same. */
  readonly linked?: readonly LinkedPort[];
}

export interface PublishedPort {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** "0.0.0.0", "::", or the address asked for. */
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** Whether other hosts get to a published port, as the host's firewall is now. */
export interface PortReach {
  readonly port: PublishedPort;
  /** For all, for some, for none of them; for this host alone; not known. */
  readonly reach: 'open' | 'limited' | 'denied' | 'local' | 'unknown';
  /** What keeps some or all of them from it, like "inet filter input (policy drop)"; empty where nothing does. */
  readonly deniedBy: string;
}

export interface ConnectedEndpoint {
  readonly endpoint: Endpoint;
  readonly plan: Partial<Plan>;
}

/** The endpoints that a container's default routes go by. */
export interface Gateways {
  readonly ipv4: Endpoint | undefined;
  readonly ipv6: Endpoint | undefined;
}
