/** Speed and size of Sampan as ratios: to the bare kernel's work, and to Debian's dockerd where it is installed, all in this one run. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBusyboxRoot, tarOf } from '../test/fixtures/busybox-root.ts';
import { Api } from './api.ts';
import { buildkitBuild, measureBuilds, sampanBuild } from './build.ts';
import { makeDebianArchive } from './debian-archive.ts';
import { useFreshDisk } from './disk.ts';
import { runDns } from './dns.ts';
import { type Figures, printFigures } from './figures.ts';
import { median, pss, time } from './measure.ts';
import { runNetworks } from './networks.ts';
import { makeNewestRoot, startNewestDockerd } from './newest-dockerd.ts';
import { type Peer, startDockerd, startSampan } from './peers.ts';
import { measurePulls, startBenchRegistry } from './pull.ts';
import { makePullImages } from './pull-images.ts';

const RUNS = 40;
const PARALLEL = 50;
const MEGABYTE = 1e6;

async function measure(peer: Peer, busybox: Buffer, archive: string): Promise<Figures> {
  const api = new Api(peer.socket);
  const figures: Figures = new Map();
  await api.upload('/images/create?fromSrc=-&repo=busybox', busybox);
  figures.set('daemon idle, MB', pss(peer.daemonProcesses()) / MEGABYTE);
  figures.set('create+start+wait+remove, no network', await time(RUNS, () => api.life('none')));
  figures.set('create+start+wait+remove, bridge', await time(RUNS, () => api.life('bridge')));
  const container = await api.running('none');
  figures.set('exec true', await time(RUNS, () => api.exec(container)));
  await api.remove(container);
  await measureMany(api, peer, figures);
  const begin = performance.now();
  await api.upload('/images/load?quiet=1', Bun.file(archive));
  figures.set('load of a Debian image', performance.now() - begin);
  return figures;
}

async function measureMany(api: Api, peer: Peer, figures: Figures): Promise<void> {
  const begin = performance.now();
  const ids = await Promise.all(Array.from({ length: PARALLEL }, () => api.running('bridge')));
  figures.set(`${PARALLEL} at once on the bridge, each`, (performance.now() - begin) / PARALLEL);
  figures.set('per running container, MB', pss(peer.containerProcesses()) / PARALLEL / MEGABYTE);
  await Promise.all(ids.map((id) => api.remove(id)));
}

/** Milliseconds that the kernel alone takes for the same. */
function measureKernel(home: string): Figures {
  const program = join(home, 'bare');
  const built = spawnSync('cc', ['-O2', '-o', program, join(import.meta.dir, 'bare.c')], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  const directories = ['lower', 'upper', 'work', 'merged'].map((name) => join(home, name));
  for (const directory of directories) mkdirSync(directory);
  makeBusyboxRoot(directories[0] ?? '');
  const bare = (...extra: string[]): number => {
    const { stdout, stderr, status } = spawnSync(program, [...directories, String(RUNS), ...extra], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`bare failed: ${stderr}`);
    return Number(stdout) / 1e3;
  };
  return new Map([
    ['create+start+wait+remove, no network', bare()],
    ['create+start+wait+remove, bridge', bare('net')],
  ]);
}

function measureCommandLines(): Map<string, number> {
  const commands = { sampan: join(import.meta.dir, '../dist/sampan'), docker: '/usr/local/bin/docker' };
  const figures = new Map<string, number>();
  for (const [name, command] of Object.entries(commands)) {
    if (!existsSync(command)) continue;
    const times = Array.from({ length: RUNS }, () => {
      const begin = performance.now();
      spawnSync(command, ['--version']);
      return performance.now() - begin;
    });
    figures.set(name, median(times));
  }
  return figures;
}

/** In a network namespace of its own, where the registry and both daemons find each other on loopback. */
async function runPulls(): Promise<void> {
  if (!isAlone()) return runAlone('pull');
  const images = makePullImages();
  using _disk = useFreshDisk();
  await using registry = await startBenchRegistry(images);
  const measured: Figures[] = [];
  for (const start of [startSampan, () => startDockerd({ ownNetwork: false })]) {
    const peer = await start();
    if (peer === undefined) continue;
    await using _peer = peer;
    measured.push(await measurePulls(peer, images, registry));
  }
  const [sampan = new Map(), docker] = measured;
  printFigures(undefined, sampan, docker);
}

const isAlone = (): boolean => process.env['SAMPAN_BENCH_NETWORK'] !== undefined;

function runAlone(name: string): void {
  const script = 'ip link set lo up && exec "$@"';
  const { status } = spawnSync(
    'unshare',
    ['-n', 'sh', '-c', script, 'sh', process.execPath, import.meta.filename, name],
    { stdio: 'inherit', env: { ...process.env, SAMPAN_BENCH_NETWORK: 'private' } },
  );
  if (status !== 0) throw new Error(`the benchmark "${name}" ended with ${status}`);
}

async function runContainers(): Promise<void> {
  using _disk = useFreshDisk();
  const home = mkdtempSync(join(tmpdir(), 'sampan-bench-'));
  try {
    const root = join(home, 'root');
    mkdirSync(root);
    makeBusyboxRoot(root);
    const busybox = tarOf(root);
    const archive = makeDebianArchive();
    const kernel = measureKernel(home);
    const measured: Figures[] = [];
    for (const start of [startSampan, startDockerd]) {
      const peer = await start();
      if (peer === undefined) continue;
      await using _peer = peer;
      measured.push(await measure(peer, busybox, archive));
    }
    const [sampan = new Map(), docker] = measured;
    const versions = measureCommandLines();
    sampan.set('--version', versions.get('sampan') ?? Number.NaN);
    docker?.set('--version', versions.get('docker') ?? Number.NaN);
    printFigures(kernel, sampan, docker);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Against BuildKit, which is in Debian's newest dockerd alone. */
async function runBuilds(): Promise<void> {
  if (!isAlone()) {
    makeNewestRoot();
    return runAlone('build');
  }
  using _disk = useFreshDisk();
  const measured: Figures[] = [];
  {
    await using sampan = await startSampan();
    measured.push(measureBuilds(sampanBuild(sampan)));
  }
  {
    await using buildkit = await startNewestDockerd();
    measured.push(measureBuilds(buildkitBuild(buildkit)));
  }
  const [own = new Map(), docker] = measured;
  printFigures(undefined, own, docker);
}

const benches: Readonly<Record<string, () => Promise<void>>> = {
  containers: runContainers,
  pull: runPulls,
  networks: async () => (isAlone() ? runNetworks() : runAlone('networks')),
  dns: runDns,
  build: runBuilds,
};

const chosen = process.argv.slice(2);
for (const [name, run] of Object.entries(benches)) {
  if (chosen.length === 0 || chosen.includes(name)) await run();
}
