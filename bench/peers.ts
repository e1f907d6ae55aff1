import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from '../test/fixtures/test-daemon.ts';
import { processesNamed, processesWith } from './measure.ts';

/** A daemon under measurement, reached by its socket. */
export interface Peer extends AsyncDisposable {
  readonly name: string;
  readonly socket: string;
  /** Processes that are there whatever runs. */
  daemonProcesses(): number[];
  /** Processes that a running container adds, the container's own not counted. */
  containerProcesses(): number[];
}

export async function startSampan(): Promise<Peer> {
  const daemon = await TestDaemon.start();
  return {
    name: 'sampan',
    socket: daemon.socket,
    daemonProcesses: () => [daemon.pid, ...processesWith('sampan-launcher', 'serve', daemon.home)],
    containerProcesses: () => processesNamed('sampan:'),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Debian's dockerd, in a network namespace of its own unless told otherwise; undefined where it is not installed. */
export async function startDockerd(options = { ownNetwork: true }): Promise<Peer | undefined> {
  if (!existsSync('/usr/sbin/dockerd')) return undefined;
  const home = mkdtempSync(join(tmpdir(), 'dockerd-bench-'));
  const namespace = `bench-${process.pid}`;
  const socket = join(home, 'd.sock');
  const enter = options.ownNetwork ? ['nsenter', `--net=/run/netns/${namespace}`] : ['env'];
  if (options.ownNetwork) {
    spawnSync('ip', ['netns', 'add', namespace]);
    spawnSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  }
  const flags = [
    '--data-root',
    join(home, 'data'),
    '--exec-root',
    join(home, 'exec'),
    '-p',
    join(home, 'pid'),
  ];
  const [program = '', ...rest] = [...enter, 'dockerd', ...flags, '-H', `unix://${socket}`];
  const child = spawn(program, rest, { stdio: 'ignore' });
  for (let tries = 0; !existsSync(socket) && tries < 600; tries++) await Bun.sleep(50);
  await Bun.sleep(1_000);
  return {
    name: 'dockerd',
    socket,
    daemonProcesses: () => [
      ...processesWith('dockerd', home),
      ...processesWith('containerd', '--config', home),
    ],
    containerProcesses: () => processesWith('containerd-shim', home),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      // It leaves its bridge behind.
      if (options.ownNetwork) spawnSync('ip', ['netns', 'delete', namespace]);
      else spawnSync('ip', ['link', 'delete', 'docker0']);
      spawnSync('sh', [
        '-c',
        `grep -o '${home}[^ ]*' /proc/self/mountinfo | sort -r | xargs -r -n1 umount -l`,
      ]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
