import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeBusyboxRoot, tarOf } from '../test/fixtures/busybox-root.ts';
import { processesWith } from './measure.ts';
import type { Peer } from './peers.ts';

/** Debian's dockerd of today, with BuildKit in it; it has the image "busybox". */
export interface NewestDockerd extends Peer {
  /** For DOCKER_CONFIG: with it `docker` has buildx. */
  readonly clientConfig: string;
}

const packages =
  'docker.io,docker-cli,docker-buildx,iptables,git,xz-utils,bzip2,zstd,ca-certificates,openssh-client';

/** Where the root is kept between runs: making it takes a minute. */
const root = join(process.env['XDG_CACHE_HOME'] ?? '/var/cache', 'sampan-bench/debian-sid');

/** Starts it in a root, a network and mounts of its own: nothing is installed on this machine. Needs Debian's packages the first time. */
export async function startNewestDockerd(): Promise<NewestDockerd> {
  makeNewestRoot();
  const home = mkdtempSync(join(tmpdir(), 'newest-dockerd-'));
  const socket = join(home, 's.sock');
  const script = join(home, 'start.sh');
  writeFileSync(script, enter(home, socket));
  const child = spawn('unshare', ['-mn', 'sh', '-e', script], { stdio: 'ignore' });
  for (let tries = 0; !(await answers(socket)); tries++) {
    if (child.exitCode !== null || tries > 600) throw new Error('dockerd did not start');
    await Bun.sleep(50);
  }
  const clientConfig = join(home, 'client');
  mkdirSync(join(clientConfig, 'cli-plugins'), { recursive: true });
  cpSync(
    join(root, 'usr/libexec/docker/cli-plugins/docker-buildx'),
    join(clientConfig, 'cli-plugins/docker-buildx'),
  );
  await importBusybox(socket);
  return {
    ...{ name: 'BuildKit', socket, clientConfig },
    daemonProcesses: () => [
      ...processesWith('dockerd', home),
      ...processesWith('containerd', '--config', home),
    ],
    containerProcesses: () => processesWith('containerd-shim', home),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Makes its root file system where it is not there yet: for that this process must reach Debian's packages. */
export function makeNewestRoot(): void {
  if (existsSync(root)) return;
  const unfinished = `${root}.${process.pid}`;
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const [archive] = spawnSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)', 'Identifier: Packages', 'Origin: Debian', 'Label: Debian'],
    { encoding: 'utf8' },
  ).stdout.split('\n');
  mkdirSync(dirname(root), { recursive: true });
  const { status, stderr } = spawnSync(
    'mmdebstrap',
    [
      ...['--variant=apt', `--include=${packages}`],
      // Where a clock or a mirror is off by days the signatures still count.
      '--aptopt=Acquire::Check-Valid-Until "false"',
      ...['sid', unfinished, `deb [signed-by=${keys}] ${archive} sid main`],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new Error(`mmdebstrap failed: ${stderr}`);
  }
  renameSync(unfinished, root);
}

/** A script that becomes dockerd. All mounts go with its namespace. */
function enter(home: string, socket: string): string {
  return `mount --make-rprivate /
mount --bind ${root} ${root}
for name in proc sys dev; do mount --rbind /$name ${root}/$name; done
for name in run tmp; do mount -t tmpfs tmpfs ${root}/$name; done
mkdir -p ${root}${home}
mount --bind ${home} ${root}${home}
ip link set lo up
exec chroot ${root} dockerd --data-root ${home}/data --exec-root ${home}/exec -p ${home}/pid -H unix://${socket} >${home}/log 2>&1
`;
}

function answers(socket: string): Promise<boolean> {
  return fetch('http://d/_ping', { unix: socket }).then(
    (answer) => answer.ok,
    () => false,
  );
}

async function importBusybox(socket: string): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'newest-root-'));
  makeBusyboxRoot(directory);
  const url = `http://d/images/create?fromSrc=-&repo=busybox&changes=${encodeURIComponent('CMD ["sh"]')}`;
  const answer = await fetch(url, { method: 'POST', unix: socket, body: tarOf(directory) });
  const text = await answer.text();
  rmSync(directory, { recursive: true });
  if (!answer.ok || text.includes('"error"')) throw new Error(`import failed: ${text}`);
}
