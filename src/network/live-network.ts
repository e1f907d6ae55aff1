import type { Operation } from '../plan/operations.ts';
import type { Endpoint, EndpointRequest, Network, PortRequest, PublishedPort } from './contract.ts';
import type { JoinSteps } from './endpoint-plan.ts';
import type { FirewallBridge } from './firewall.ts';

/**
 * A network that is set up: what the drivers make of a `Network`. Endpoints join and leave it here, in memory; the steps say what the
 * kernel is to do about it. Nothing here waits.
 */
export interface LiveNetwork {
  readonly network: Network;
  readonly endpoints: readonly Endpoint[];
  /** What the firewall has to know of it; undefined for a network that is not behind this host. */
  readonly firewall: FirewallBridge | undefined;
  /** Steps that make its interfaces where they are missing. */
  setUp(): readonly Operation[];
  /** Steps that remove them. */
  tearDown(): readonly Operation[];
  join(request: EndpointRequest): Joined;
  /**
   * Reserves ports for an endpoint; of those that leave a choice, the ones that it has `before`, if they are free. Fails in Docker's words,
   * with nothing reserved.
   */
  allocatePorts(
    endpoint: Endpoint,
    requests: readonly PortRequest[],
    before: readonly PublishedPort[],
  ): Endpoint['ports'];
  /** Gives addresses and ports back; false if it was not connected. */
  leave(endpoint: Endpoint): boolean;
  /** Takes in an endpoint of a container that runs already. */
  restore(endpoint: Endpoint): void;
  /** Whether the host port of this endpoint was chosen here, not by the user. */
  chose(endpoint: Endpoint, port: Endpoint['ports'][number]): boolean;
  /** Ports go from one endpoint to another, of this network or not: what is known of them changes. */
  replace(endpoint: Endpoint): void;
}

export interface Joined {
  readonly endpoint: Endpoint;
  readonly steps: JoinSteps;
}
