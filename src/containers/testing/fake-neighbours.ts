import { notFound } from '../../base/errors.ts';
import type { EngineEvent, EventSink } from '../../base/events.ts';
import type { Image, Images } from '../../images/contract.ts';
import type {
  ConnectedEndpoint,
  Endpoint,
  EndpointRequest,
  Gateways,
  NameService,
  Network,
  Networks,
  PortChange,
  PortChangeRequest,
  PortReach,
} from '../../network/contract.ts';
import { NameTable } from '../../network/names.ts';
import type { ImageProcess } from '../../oci/image.ts';
import { hostPlatform } from '../../oci/platform.ts';
import type { Plan } from '../../plan/operations.ts';
import type { SnapshotDriver } from '../../snapshots/contract.ts';

/** Remembers what was published, as "type action". */
export class RecordedEvents implements EventSink {
  readonly events: Omit<EngineEvent, 'time' | 'timeNano'>[] = [];

  publish(event: Omit<EngineEvent, 'time' | 'timeNano'>): void {
    this.events.push(event);
  }

  get names(): string[] {
    return this.events.map((event) => `${event.type} ${event.action}`);
  }
}

/** One image, "busybox", of whatever configuration; all else is missing. */
export function fakeImages(config: ImageProcess, platform = hostPlatform()): Images {
  const image: Image = {
    id: `sha256:${'a'.repeat(64)}`,
    config: { ...platform, config, rootfs: { type: 'layers', diff_ids: [] } },
    tags: ['busybox:latest'],
    digests: [],
    size: 1000,
    created: undefined,
    lastTagged: undefined,
    parent: undefined,
    platform,
    manifest: undefined,
  };
  const find = (reference: string): Image | undefined =>
    reference === 'busybox' || reference === image.id ? image : undefined;
  const get = (reference: string): Image => {
    const found = find(reference);
    if (found === undefined) throw notFound(`No such image: ${reference}:latest`);
    return found;
  };
  return { ...nothing<Images>(), get, find, list: () => [image] };
}

/** Snapshots as names only. */
export class FakeSnapshots {
  readonly keys = new Set<string>();
  /** Thrown by the next `prepare`. */
  failure: unknown;

  readonly driver: SnapshotDriver = {
    ...nothing<SnapshotDriver>(),
    name: 'fake',
    prepare: async (_context, key) => {
      if (this.failure !== undefined) throw this.failure;
      this.keys.add(key);
    },
    remove: async (_context, key) => {
      this.keys.delete(key);
    },
    snapshots: () => asyncValues([...this.keys]),
    mount: async () => ({ operations: [] }),
    below: async () => ({ operations: [] }),
    view: async () => ({ operations: [] }),
    changesPath: (key) => `/changes/${key}`,
    usage: async () => ({ bytes: 10, inodes: 1 }),
    describe: () => ({ MergedDir: '/merged' }),
  };
}

/** A bridge network with addresses from 172.17.0.2 on. */
export class FakeNetworks implements Networks {
  readonly connected: Endpoint[] = [];
  readonly requests: EndpointRequest[] = [];
  started: readonly Endpoint[] | undefined;
  failure: unknown;
  #next = 2;

  async start(_context: unknown, live: readonly Endpoint[]): Promise<void> {
    this.started = live;
  }

  async stop(): Promise<void> {}

  readonly names: Networks['names'] = new NameTable();

  readonly dns: NameService = {
    serves: () => false,
    startPlan: () => ({}),
    settings: () => new Uint8Array(),
    redirect: async () => {},
  };

  async create(): Promise<never> {
    throw new Error('no networks are made here');
  }

  async remove(): Promise<void> {}

  async prune(): Promise<readonly string[]> {
    return [];
  }

  async join(context: unknown, request: EndpointRequest): Promise<Endpoint> {
    return (await this.connect(context, request)).endpoint;
  }

  async leave(context: unknown, endpoint: Endpoint): Promise<void> {
    await this.disconnect(context, endpoint);
  }

  readonly reroutes: Gateways[] = [];

  async reroute(_context: unknown, _pid: number, gateways: Gateways): Promise<void> {
    this.reroutes.push(gateways);
  }

  async mend(): Promise<readonly Endpoint[]> {
    return [];
  }

  /** What `publishPlan` was asked for. */
  readonly republished: (Endpoint | undefined)[] = [];

  publishPlan(endpoint: Endpoint | undefined): Partial<Plan> {
    this.republished.push(endpoint);
    return {};
  }

  /** What was done with each change of ports. */
  readonly portChanges: string[] = [];
  /** Thrown by the next `apply`. */
  firewallFailure: Error | undefined;

  /** Ports without a choice are got; others are 40000. */
  planPorts({ from, to, ports }: PortChangeRequest): PortChange {
    const published = ports.map(({ protocol, containerPort, hostAddress, hostPort, hostPortEnd }) => ({
      ...{ protocol, containerPort, hostAddress: hostAddress || '0.0.0.0' },
      hostPort: hostPort !== 0 && hostPort === hostPortEnd ? hostPort : 40_000,
    }));
    const target = to === undefined ? undefined : { ...to, ports: published };
    const left = from?.endpointId === to?.endpointId ? target : from && { ...from, ports: [] };
    return {
      ...{ from: left, to: target, plans: [{}], planBefore: {} },
      apply: async () => {
        this.portChanges.push('apply');
        if (this.firewallFailure !== undefined) throw this.firewallFailure;
      },
      revert: async () => void this.portChanges.push('revert'),
      commit: () => void this.portChanges.push('commit'),
      cancel: () => void this.portChanges.push('cancel'),
    };
  }

  async relink(_context: unknown, endpoint: Endpoint): Promise<Endpoint> {
    return endpoint;
  }

  rename(): void {}

  list(): readonly Network[] {
    return ['bridge', 'host', 'none'].map((name) => this.get(name));
  }

  get(reference: string): Network {
    const drivers: Readonly<Record<string, string>> = { bridge: 'bridge', host: 'host', none: 'null' };
    const name = Object.keys(drivers).find((key) => key === reference || networkIdOf(key) === reference);
    if (name === undefined) throw notFound(`network ${reference} not found`);
    return {
      id: networkIdOf(name),
      name,
      driver: drivers[name] ?? '',
      created: new Date(0),
      scope: 'local',
      internal: false,
      attachable: false,
      configOnly: false,
      configFrom: '',
      enableIPv4: true,
      enableIPv6: false,
      ownsInterface: true,
      options: {},
      labels: {},
      ipam: [],
      ipamOptions: null,
    };
  }

  async connect(_context: unknown, request: EndpointRequest): Promise<ConnectedEndpoint> {
    this.requests.push(request);
    if (this.failure !== undefined) throw this.failure;
    const network = this.get(request.network);
    const endpoint: Endpoint = {
      networkId: network.id,
      networkName: network.name,
      endpointId: 'e'.repeat(64),
      containerId: request.containerId,
      containerName: request.containerName,
      macAddress: '02:42:ac:11:00:02',
      ipv4Address: network.driver === 'bridge' ? `172.17.0.${this.#next++}` : '',
      ipv4PrefixLength: 16,
      gateway: '172.17.0.1',
      ipv6Address: '',
      ipv6PrefixLength: 0,
      ipv6Gateway: '',
      interfaceName: request.interfaceName,
      hostInterface: 'veth0',
      ports: [],
      names: request.names,
      links: request.links,
    };
    this.connected.push(endpoint);
    return { endpoint, plan: {} };
  }

  async disconnect(_context: unknown, endpoint: Endpoint): Promise<void> {
    const index = this.connected.findIndex(({ containerId }) => containerId === endpoint.containerId);
    if (index >= 0) this.connected.splice(index, 1);
  }

  abandon(): void {}

  explainStart(): undefined {
    return undefined;
  }

  async reachOf(): Promise<ReadonlyMap<string, readonly PortReach[]>> {
    return new Map();
  }

  hostGateway(): string {
    return '172.17.0.1';
  }
}

function networkIdOf(name: string): string {
  return Bun.hash(name).toString(16).padStart(64, '0');
}

async function* asyncValues<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}

/** The methods that a test must not reach: there are none. */
function nothing<T>(): T {
  return Object.create(null);
}
