/** How many names of a network's containers a DNS server tells in a second, and what each costs it: Sampan beside Debian's dockerd. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBusyboxRoot, tarOf } from '../test/fixtures/busybox-root.ts';
import { Api } from './api.ts';
import { type Figures, printFigures } from './figures.ts';
import { type Peer, startDockerd, startSampan } from './peers.ts';

const MILLISECONDS = 3000;
const WARM_UP = 300;
/** USER_HZ. */
const TICKS = 100;

/** Measures a daemon with an image "busybox". `load` is the generator's program. */
export async function measureDns(peer: Peer, load: string): Promise<Figures> {
  const api = new Api(peer.socket);
  await api.call('POST', '/networks/create', { Name: 'bench' });
  const asked = await startNamed(api, 'asked');
  const asking = await startNamed(api, 'asking');
  const figures: Figures = new Map();
  try {
    const { State } = await api.call<{ State: { Pid: number } }>('GET', `/containers/${asking}/json`);
    const server = serverOf(peer, State.Pid);
    runLoad(load, State.Pid, WARM_UP);
    const before = processorTime(server);
    const { answers, seconds } = runLoad(load, State.Pid, MILLISECONDS);
    const used = processorTime(server) - before;
    figures.set('DNS: answers per second, thousands', answers / seconds / 1e3);
    figures.set('DNS: processor time of the server per answer, us', (used / answers) * 1e6);
  } finally {
    await api.remove(asking);
    await api.remove(asked);
    await api.call('DELETE', '/networks/bench');
  }
  return figures;
}

async function startNamed(api: Api, name: string): Promise<string> {
  const spec = { Image: 'busybox', Cmd: ['sleep', '3600'], HostConfig: { NetworkMode: 'bench' } };
  const { Id } = await api.call<{ Id: string }>('POST', `/containers/create?name=${name}`, spec);
  await api.call('POST', `/containers/${Id}/start`);
  return Id;
}

/** The process that answers: the supervisor, which is the container's parent, or dockerd. */
function serverOf(peer: Peer, container: number): number {
  if (peer.name === 'sampan') return Number(statOf(container)[1]);
  return peer.daemonProcesses()[0] ?? 0;
}

/** Seconds that a process has been running, in user mode and in the kernel's. */
function processorTime(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat[11]) + Number(stat[12])) / TICKS;
}

/** The fields of /proc/<pid>/stat from the state on. */
function statOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function runLoad(load: string, pid: number, milliseconds: number): { answers: number; seconds: number } {
  const words = ['-t', String(pid), '-n', load, 'asked', String(milliseconds)];
  const { stdout, stderr, status } = spawnSync('nsenter', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the load ended with ${status}: ${stderr}`);
  const [answers = 0, microseconds = 0] = stdout.trim().split(' ').map(Number);
  if (answers === 0) throw new Error('nothing was answered');
  return { answers, seconds: microseconds / 1e6 };
}

/** Builds the generator in `directory`; its path. */
export function buildLoad(directory: string): string {
  const program = join(directory, 'dns-load');
  const source = join(import.meta.dir, 'dns-load.c');
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return program;
}

/** Both daemons in turn, each with what it has. */
export async function runDns(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'sampan-bench-'));
  try {
    const root = join(home, 'root');
    mkdirSync(root);
    makeBusyboxRoot(root);
    const load = buildLoad(home);
    const measured: Figures[] = [];
    for (const start of [startSampan, startDockerd]) {
      const peer = await start();
      if (peer === undefined) continue;
      await using _peer = peer;
      await new Api(peer.socket).upload('/images/create?fromSrc=-&repo=busybox', tarOf(root));
      measured.push(await measureDns(peer, load));
    }
    const [sampan = new Map(), docker] = measured;
    printFigures(undefined, sampan, docker);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

if (import.meta.main) await runDns();
