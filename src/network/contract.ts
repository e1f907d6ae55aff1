import type { Context } from '../base/context.ts';
import type { SampanError } from '../base/errors.ts';
import type { Plan } from '../plan/operations.ts';

/**
 * Networks: what connects containers.
 *
 * An *endpoint* is a container's place in a network: address, MAC, published ports. `connect` allocates it and says what the start's
 * plan must do; the plan's `after` stage undoes the kernel part even when the daemon is gone. `disconnect` gives the addresses back.
 */
export interface Networks {
  /** Makes the bridges and the firewall table as configured; safe to repeat. Endpoints in `live` keep their addresses. */
  start(context: Context, live: readonly Endpoint[]): Promise<void>;
  /** Removes the firewall table and idle bridges. */
  stop(context: Context): Promise<void>;
  list(): readonly Network[];
  /** By name, full ID or unique ID prefix. Fails with `not-found` "network X not found". */
  get(reference: string): Network;
  /** Allocates. Fails with `conflict`/`internal` in Docker's wording when a port is taken or addresses have run out. */
  connect(context: Context, request: EndpointRequest): Promise<ConnectedEndpoint>;
  disconnect(context: Context, endpoint: Endpoint): Promise<void>;
  /** What a failed start has to do with an endpoint's ports; undefined when they are not to blame. To be asked before `disconnect`. */
  explainStart(error: unknown, endpoint: Endpoint, containerName: string): PublishFailure | undefined;
  /** The default bridge's gateway: what `host-gateway` stands for. */
  hostGateway(): string;
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

export interface Network {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** "bridge", "host", "null". */
  readonly driver: string;
  readonly created: Date;
  readonly scope: 'local';
  readonly internal: boolean;
  readonly enableIPv6: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam: readonly { readonly subnet: string; readonly gateway: string }[];
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
}

/** Plain data: stored with the container. */
export interface Endpoint {
  readonly networkId: string;
  readonly networkName: string;
  /** 64 hex digits. */
  readonly endpointId: string;
  readonly containerId: string;
  readonly macAddress: string;
  readonly ipv4Address: string;
  readonly ipv4PrefixLength: number;
  readonly gateway: string;
  /** Name of the host's end of the pair. */
  readonly hostInterface: string;
  readonly ports: readonly PublishedPort[];
}

export interface PublishedPort {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** "0.0.0.0", "::", or the address asked for. */
  readonly hostAddress: string;
  readonly hostPort: number;
}

export interface ConnectedEndpoint {
  readonly endpoint: Endpoint;
  readonly plan: Partial<Plan>;
}
