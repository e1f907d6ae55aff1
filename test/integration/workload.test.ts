import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { debianRoot } from '../fixtures/debian-root.ts';
import { Terminal } from '../fixtures/terminal.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

const program = join(import.meta.dir, '../../sampan');

/** Needs the outside, Debian's packages: `scripts/test.ts` runs it in the machine's own network namespace. */
let daemon: TestDaemon;

beforeAll(async () => {
  const root = debianRoot();
  daemon = await TestDaemon.start();
  daemon.sampan('import', '--change', 'CMD ["bash"]', '--message', 'made by mmdebstrap', root, 'debian');
}, 600_000);

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
}, 60_000);

/** Runs a program as long as it takes; "sampan" in a shell's words is ours. */
async function run(command: readonly string[], input?: Uint8Array): Promise<Outcome> {
  const path = `${dirname(program)}:${process.env['PATH']}`;
  const child = Bun.spawn([...command], {
    env: { ...process.env, PATH: path, SAMPAN_HOST: `unix://${daemon.socket}` },
    stdin: input ?? 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { stdout, stderr, status };
}

/** Where a container's port is published on loopback. */
function published(container: string, port: number): string {
  const line = daemon.sampan('port', container, `${port}/tcp`).split('\n')[0] ?? '';
  return line.split(':').at(-1) ?? '';
}

async function eventually(what: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await what().catch(() => false)); tries++) {
    if (tries > 200) throw new Error(`${what} never came true\n${daemon.log}`);
    await Bun.sleep(50);
  }
}

describe('a Debian root', () => {
  test('installs nginx and an SSH server from Debian through the bridge', async () => {
    daemon.sampan(
      'run',
      '-d',
      '--name',
      'base',
      '-e',
      'DEBIAN_FRONTEND=noninteractive',
      'debian',
      'sleep',
      'infinity',
    );
    const install = 'apt-get update && apt-get install -y nginx openssh-server';
    const { stdout, stderr, status } = await run(['sampan', 'exec', 'base', 'sh', '-c', install]);
    expect({ status, stderr: status === 0 ? '' : stderr + stdout.slice(-4000) }).toEqual({
      status: 0,
      stderr: '',
    });
    expect(stdout).toContain('Setting up nginx ');
    expect(stdout).toContain('Setting up openssh-server ');
  }, 600_000);

  test('streams out through exec and back in through import without loss', async () => {
    const pack = 'tar -C / --one-file-system --numeric-owner -c .';
    const copy = `set -o pipefail; sampan exec base ${pack} | sampan import --change 'CMD ["bash"]' - server`;
    expect((await run(['bash', '-c', copy])).status).toBe(0);
    daemon.sampan('rm', '-f', 'base');
    const verify = 'dpkg --verify nginx-common openssh-server libc6 bash coreutils && nginx -t -q';
    expect(await run(['sampan', 'run', '--rm', 'server', 'sh', '-c', verify])).toEqual({
      stdout: '',
      stderr: '',
      status: 0,
    });
  }, 120_000);
});

describe('nginx', () => {
  let site: string;

  test('serves through its published port', async () => {
    daemon.sampan('run', '-d', '--name', 'web', '-p', '80', 'server', 'nginx', '-g', 'daemon off;');
    site = `http://127.0.0.1:${published('web', 80)}`;
    await eventually(async () => (await fetch(site)).ok);
    expect(await (await fetch(site)).text()).toContain('Welcome to nginx!');
    expect(daemon.sampan('top', 'web')).toContain('nginx: worker process');
  });

  test('serves a large file and many clients at once', async () => {
    const make = 'head -c 50000000 /dev/urandom >/var/www/html/large; sha256sum </var/www/html/large';
    const digest = daemon.sampan('exec', 'web', 'sh', '-c', make).split(' ')[0] ?? '';
    const body = new Uint8Array(await (await fetch(`${site}/large`)).arrayBuffer());
    expect(createHash('sha256').update(body).digest('hex')).toBe(digest);
    const pages = await Promise.all(Array.from({ length: 200 }, async () => (await fetch(site)).status));
    expect(pages).toEqual(pages.map(() => 200));
    const counted = daemon.sampan('exec', 'web', 'grep', '-c', 'GET / ', '/var/log/nginx/access.log');
    expect(Number(counted)).toBeGreaterThanOrEqual(200);
  });

  test('reloads on a signal, restarts with its files, and stops when asked', async () => {
    daemon.sampan('kill', '--signal', 'HUP', 'web');
    await eventually(async () => (await fetch(site)).ok);
    daemon.sampan('restart', 'web');
    site = `http://127.0.0.1:${published('web', 80)}`;
    await eventually(async () => (await fetch(`${site}/large`, { method: 'HEAD' })).ok);
    daemon.sampan('stop', 'web');
    expect(daemon.sampan('inspect', '--format', '{{.State.ExitCode}}', 'web')).toBe('0');
  });
});

describe('sshd', () => {
  const ssh = (...words: string[]) => [
    ...['ssh', '-p', published('ssh', 22), '-i', join(daemon.home, 'key'), '-o', 'LogLevel=ERROR'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', 'root@127.0.0.1'],
    ...words,
  ];

  test('lets in who holds the key, through its published port', async () => {
    const serve = 'mkdir -p /run/sshd /root/.ssh && exec /usr/sbin/sshd -D -e';
    daemon.sampan('run', '-d', '--name', 'ssh', '-p', '127.0.0.1::22', 'server', 'sh', '-c', serve);
    const key = join(daemon.home, 'key');
    expect((await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])).status).toBe(0);
    const keep = 'umask 077; cat >/root/.ssh/authorized_keys';
    const given = daemon.run('sampan', ['exec', '-i', 'ssh', 'sh', '-c', keep], readFileSync(`${key}.pub`));
    expect(given.status).toBe(0);
    await eventually(async () => (await run(ssh('true'))).status === 0);
    const { stdout } = await run(ssh('id -un; hostname'));
    expect(stdout).toBe(`root\n${daemon.sampan('inspect', '--format', '{{.Config.Hostname}}', 'ssh')}\n`);
    expect(daemon.run('sampan', ['logs', 'ssh']).stderr).toContain('Accepted publickey for root');
  });

  test('carries 20 MB through and an exit code back', async () => {
    const body = Buffer.alloc(20_000_000, 'sampan ');
    const { stdout, status } = await run(ssh('sha256sum; exit 7'), body);
    expect(stdout).toStartWith(createHash('sha256').update(body).digest('hex'));
    expect(status).toBe(7);
  });

  test('gives a login shell its terminal', async () => {
    await using terminal = new Terminal(ssh('-tt'), {});
    await terminal.read(/# $/);
    terminal.type('tty; exit\r');
    expect(await terminal.read(/\/dev\/pts\/\d+/)).toBe('/dev/pts/0');
    expect(await terminal.exited).toBe(0);
  });
});

describe('an interactive shell', () => {
  const host = () => ({ SAMPAN_HOST: `unix://${daemon.socket}` });
  const prompt = /root@shell:\/# $/;

  test('has job control, the terminal size and its changes', async () => {
    await using terminal = new Terminal([program, 'run', '-it', '--rm', '-h', 'shell', 'debian'], host());
    await terminal.read(prompt);
    terminal.type('stty size\r');
    await terminal.read(/24 80\r\n/);
    // It speaks only when the terminal is its own: a key that comes earlier goes to the shell.
    terminal.type(`sh -c 'trap "echo going o""n" CONT; echo st""arted; while :; do sleep 0.1; done'\r`);
    await terminal.read(/started\r\n/);
    terminal.type('\x1a');
    await terminal.read(/Stopped/);
    await terminal.read(prompt);
    terminal.type('fg\r');
    await terminal.read(/going on\r\n/);
    terminal.type('\x03');
    await terminal.read(prompt);
    terminal.type('echo code=$?\r');
    await terminal.read(/code=130\r\n/);
    terminal.resize(132, 50);
    terminal.type('until [ "$(stty size)" = "50 132" ]; do sleep 0.1; done; echo re"sized"\r');
    await terminal.read(/resized\r\n/);
    terminal.type('exit 7\r');
    expect(await terminal.exited).toBe(7);
  });

  test('goes on when left by the detach keys, and can be joined again', async () => {
    const first = new Terminal([program, 'run', '-it', '--name', 'left', '-h', 'shell', 'debian'], host());
    await using leaving = first;
    await leaving.read(prompt);
    leaving.type('kept=here\r');
    await leaving.read(prompt);
    leaving.type('\x10\x11');
    expect(await leaving.exited).toBe(0);
    await using back = new Terminal([program, 'attach', 'left'], host());
    await Bun.sleep(100);
    back.type('echo still $kept\r');
    await back.read(/still here\r\n/);
    back.type('exit 3\r');
    expect(await back.exited).toBe(3);
  });

  test('can be opened beside the first process, and tells how it ended', async () => {
    daemon.sampan('run', '-d', '--name', 'beside', '-h', 'shell', 'debian', 'sleep', 'infinity');
    await using terminal = new Terminal([program, 'exec', '-it', 'beside', 'bash'], host());
    await terminal.read(prompt);
    terminal.type('tty; exit 5\r');
    await terminal.read(/\/dev\/pts\/0\r\n/);
    expect(await terminal.exited).toBe(5);
  });
});
