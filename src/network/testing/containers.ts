import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { background } from '../../base/context.ts';
import { joinPlans } from '../../plan/operations.ts';
import { type Supervisor, startSupervised } from '../../runtime/supervisor.ts';
import type { ConnectedEndpoint, EndpointRequest, NetworkRequest, Networks } from '../contract.ts';
import { command, type TestNamespace } from './namespaces.ts';

const CLONE_NEWNET = 0x40000000;
const SIGKILL = 9;
const peer = join(import.meta.dir, 'peer.ts');

/** A process in a network namespace of its own, joined to a network as a container's start does it. */
export interface TestContainer extends ConnectedEndpoint, AsyncDisposable {
  readonly pid: number;
  readonly supervisor: Supervisor;
  /** Runs a command in its network namespace. */
  run(...words: readonly string[]): Promise<string>;
  /** A server that lives as long as the container. */
  serve(protocol: string, port: number, address?: string): Promise<void>;
  /** Ends it and waits until all traces are undone. */
  end(): Promise<void>;
}

/** Starts what has been connected. Fails with PlanError. */
export async function startContainer(
  host: TestNamespace,
  connected: ConnectedEndpoint,
): Promise<TestContainer> {
  const directory = await mkdtemp(join(tmpdir(), 'sampan-container-'));
  const socket = join(directory, 'socket');
  const plan = joinPlans(
    { before: [{ op: 'supervise', socket, stateFile: join(directory, 'state') }] },
    { before: [{ op: 'clone', flags: CLONE_NEWNET, cgroup: -1 }] },
    connected.plan,
    { child: [{ op: 'exec', argv: ['/bin/sleep', '1000'], env: [] }] },
  );
  const clean = () => rm(directory, { recursive: true, force: true });
  const started = startSupervised(background(), { launcher: host.launcher.socket, plan, socket, attach: [] });
  const { supervisor } = await started.catch(async (error: unknown) => {
    await clean();
    throw error;
  });
  const inside = ['nsenter', '-t', String(supervisor.pid), '-n'];
  const servers: Bun.Subprocess[] = [];
  let ended = false;
  const end = async (): Promise<void> => {
    if (ended) return;
    ended = true;
    for (const server of servers) server.kill();
    await supervisor.signal(background(), SIGKILL);
    await supervisor.exited;
    supervisor.close();
    await clean();
  };
  return {
    ...connected,
    pid: supervisor.pid,
    supervisor,
    run: (...words) => command([...inside, ...words]),
    async serve(protocol, port, address = '0.0.0.0') {
      servers.push(await startServer(inside, protocol, address, port));
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}

export async function connectAndStart(
  host: TestNamespace,
  networks: Networks,
  request: Partial<EndpointRequest>,
): Promise<TestContainer> {
  return startContainer(host, await networks.connect(background(), { ...anyRequest, ...request }));
}

export const anyRequest: EndpointRequest = {
  network: 'bridge',
  containerId: 'c'.repeat(64),
  containerName: 'c',
  ports: [],
  macAddress: undefined,
  ipv4Address: undefined,
  ipv6Address: undefined,
  linkLocal: [],
  interfaceName: 'eth0',
  gateway: { ipv4: true, ipv6: true },
  names: ['c'],
  links: {},
  driverOptions: {},
};

/** A bridge network that leaves all else open. */
export const anyNetwork: NetworkRequest = {
  name: 'net',
  driver: 'bridge',
  scope: '',
  internal: false,
  attachable: false,
  ingress: false,
  configOnly: false,
  configFrom: '',
  enableIPv4: undefined,
  enableIPv6: undefined,
  ipamDriver: '',
  ipamOptions: null,
  pools: [],
  options: {},
  labels: {},
};

/** Resolves when it answers. */
export async function startServer(
  inside: readonly string[],
  protocol: string,
  address: string,
  port: number,
): Promise<Bun.Subprocess> {
  const words = [...inside, process.execPath, peer, 'serve', protocol, address, String(port)];
  const server = Bun.spawn(words, { stdout: 'pipe', stderr: 'ignore' });
  for await (const _ of server.stdout) break;
  return server;
}

/** The command that asks a server who is asking. */
export function askWords(protocol: string, address: string, port: number): readonly string[] {
  return [process.execPath, peer, 'ask', protocol, address, String(port)];
}
