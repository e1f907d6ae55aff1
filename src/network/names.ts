/**
 * Who goes by which name in a network: container names, aliases, short IDs, host names. Plain data for whoever answers name
 * queries; several endpoints may share a name, in the order they came.
 */
export interface NetworkNames {
  /** Addresses of both families, none for a name that nobody has. Names are compared without regard to case. */
  lookUp(networkId: string, name: string): readonly NamedAddress[];
  /** The names of who has the address, its first name first. */
  reverse(networkId: string, address: string): readonly string[];
  /** All that is in a network. */
  list(networkId: string): readonly NamedEndpoint[];
  /** Called after each change with the network's ID. Returns how to end that. */
  onChange(listener: (networkId: string) => void): () => void;
}

export interface NamedAddress {
  readonly family: 4 | 6;
  readonly address: string;
}

export interface NamedEndpoint {
  readonly endpointId: string;
  readonly containerId: string;
  /** Without duplicates; the container's own name first. */
  readonly names: readonly string[];
  readonly addresses: readonly NamedAddress[];
  /** What it alone calls others: alias to name. */
  readonly links: Readonly<Record<string, string>>;
}

/** The table itself, which the networks keep. */
export class NameTable implements NetworkNames {
  /** By network and endpoint. */
  readonly #networks = new Map<string, Map<string, NamedEndpoint>>();
  readonly #listeners = new Set<(networkId: string) => void>();

  /** Adds an endpoint, or replaces it. */
  set(networkId: string, endpoint: NamedEndpoint): void {
    const members = this.#networks.get(networkId) ?? new Map<string, NamedEndpoint>();
    members.set(endpoint.endpointId, endpoint);
    this.#networks.set(networkId, members);
    this.#changed(networkId);
  }

  delete(networkId: string, endpointId: string): void {
    const members = this.#networks.get(networkId);
    if (members?.delete(endpointId) !== true) return;
    if (members.size === 0) this.#networks.delete(networkId);
    this.#changed(networkId);
  }

  lookUp(networkId: string, name: string): readonly NamedAddress[] {
    const wanted = name.toLowerCase();
    return this.list(networkId)
      .filter(({ names }) => names.some((own) => own.toLowerCase() === wanted))
      .flatMap(({ addresses }) => addresses);
  }

  reverse(networkId: string, address: string): readonly string[] {
    const owner = this.list(networkId).find(({ addresses }) =>
      addresses.some((own) => own.address === address),
    );
    return owner?.names ?? [];
  }

  list(networkId: string): readonly NamedEndpoint[] {
    return [...(this.#networks.get(networkId)?.values() ?? [])];
  }

  onChange(listener: (networkId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(networkId: string): void {
    for (const listener of this.#listeners) listener(networkId);
  }
}
