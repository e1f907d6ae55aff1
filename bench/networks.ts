/** Networks that somebody made: what they cost, what being in them costs, and what goes through them; Sampan beside Debian's dockerd. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBusyboxRoot, tarOf } from '../test/fixtures/busybox-root.ts';
import { Api } from './api.ts';
import { type Figures, printFigures } from './figures.ts';
import { median, time } from './measure.ts';
import { startDockerd, startSampan } from './peers.ts';

const RUNS = 20;
const TRANSFERS = 5;
const MEGABYTES = 1000;
const CONNECTIONS = 2000;
const PORT = '5001';
const HOST_ADDRESS = '192.0.2.1';

/** Both daemons in turn, in the network namespace that this process is in, with a further host beside it. */
export async function runNetworks(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'sampan-bench-'));
  using neighbour = addNeighbour();
  try {
    const root = join(home, 'root');
    mkdirSync(root);
    makeBusyboxRoot(root);
    const traffic = buildTraffic(home);
    const measured: Figures[] = [];
    for (const start of [startSampan, () => startDockerd({ ownNetwork: false })]) {
      const peer = await start();
      if (peer === undefined) continue;
      await using _peer = peer;
      const api = new Api(peer.socket);
      await api.upload('/images/create?fromSrc=-&repo=busybox', tarOf(root));
      const figures: Figures = new Map();
      await measureNetworks(api, figures);
      await measureTraffic(api, figures, { traffic, neighbour: neighbour.name });
      measured.push(figures);
    }
    const [sampan = new Map(), docker] = measured;
    printFigures(undefined, sampan, docker);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function measureNetworks(api: Api, figures: Figures): Promise<void> {
  figures.set(
    'create+remove of a network',
    await time(RUNS, async () => {
      await api.call('POST', '/networks/create', { Name: 'short' });
      await api.call('DELETE', '/networks/short');
    }),
  );
  await api.call('POST', '/networks/create', { Name: 'own' });
  figures.set('create+start+wait+remove, own network', await time(RUNS, () => api.life('own')));
  const container = await api.running('bridge');
  figures.set(
    'connect+disconnect of a running container',
    await time(RUNS, async () => {
      await api.call('POST', '/networks/own/connect', { Container: container });
      await api.call('POST', '/networks/own/disconnect', { Container: container });
    }),
  );
  await api.remove(container);
  await api.call('DELETE', '/networks/own');
}

interface Surroundings {
  /** The program of traffic.c. */
  readonly traffic: string;
  /** A network namespace beside the host's. */
  readonly neighbour: string;
}

/** A container that listens on a published port, asked by another container, by another host and by this one. */
async function measureTraffic(
  api: Api,
  figures: Figures,
  { traffic, neighbour }: Surroundings,
): Promise<void> {
  await api.call('POST', '/networks/create', { Name: 'own' });
  const [serving, asking] = [await api.running('own', PORT), await api.running('own')];
  const server = await api.call<Inspected>('GET', `/containers/${serving}/json`);
  const client = await api.call<Inspected>('GET', `/containers/${asking}/json`);
  await using _listener = await listen(traffic, server.State.Pid);
  const own = server.NetworkSettings.Networks['own']?.IPAddress ?? '';
  const ways = {
    'between containers': [['-t', String(client.State.Pid), '-n'], own],
    'through a published port': [[`--net=/run/netns/${neighbour}`], HOST_ADDRESS],
    'through a published port on loopback': [['-t', String(process.pid), '-n'], '127.0.0.1'],
  } as const;
  for (const [way, [place, address]] of Object.entries(ways)) {
    const run = (verb: string, count: number): number =>
      runTraffic([...place, traffic, verb, address, PORT, String(count)]);
    run('send', MEGABYTES / 10);
    const sent = Array.from({ length: TRANSFERS }, () => run('send', MEGABYTES));
    figures.set(`a gigabyte ${way}`, median(sent));
    figures.set(`${CONNECTIONS} connections ${way}`, run('connect', CONNECTIONS));
  }
  for (const container of [serving, asking]) await api.remove(container);
  await api.call('DELETE', '/networks/own');
}

interface Inspected {
  readonly State: { readonly Pid: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
}

/** Milliseconds. */
function runTraffic(words: readonly string[]): number {
  const { stdout, stderr, status } = spawnSync('nsenter', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the traffic ended with ${status}: ${stderr}`);
  return Number(stdout) / 1e3;
}

/** Listens in the network of process `pid` until it is disposed. */
async function listen(traffic: string, pid: number): Promise<AsyncDisposable> {
  const child = spawn('nsenter', ['-t', String(pid), '-n', traffic, 'serve', PORT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function addNeighbour(): Disposable & { readonly name: string } {
  const name = `bench-neighbour-${process.pid}`;
  const ip = (...words: string[]): void => {
    const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
  };
  ip('netns', 'add', name);
  ip('link', 'add', 'bench0', 'type', 'veth', 'peer', 'name', 'bench0', 'netns', name);
  ip('address', 'add', `${HOST_ADDRESS}/24`, 'dev', 'bench0');
  ip('link', 'set', 'bench0', 'up');
  ip('-n', name, 'address', 'add', '192.0.2.2/24', 'dev', 'bench0');
  ip('-n', name, 'link', 'set', 'bench0', 'up');
  return { name, [Symbol.dispose]: () => ip('netns', 'delete', name) };
}

function buildTraffic(directory: string): string {
  const program = join(directory, 'traffic');
  const source = join(import.meta.dir, 'traffic.c');
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return program;
}
