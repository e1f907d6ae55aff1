import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { debianRoot } from '../fixtures/debian-root.ts';
import { Terminal } from '../fixtures/terminal.ts';
import { type Outcome, TestDaemon } from '../fixtures/test-daemon.ts';

/**
 * A tutorial of 2014, word for word: an image with an SSH server from a Dockerfile, and what is done with it. Its base is a Debian of today
 * under the name that the Dockerfile has. Needs the outside, Debian's packages: `scripts/test.ts` runs it in the machine's own namespace.
 */
const dockerfile = `FROM     ubuntu:14.04
MAINTAINER Thatcher R. Peskens "thatcher@dotcloud.com"
RUN apt-get update && apt-get install -y openssh-server
RUN mkdir /var/run/sshd
RUN echo 'root:screencast' | chpasswd
RUN sed -i 's/PermitRootLogin without-password/PermitRootLogin yes/' /etc/ssh/sshd_config

EXPOSE 22
CMD ["/usr/sbin/sshd", "-D"]
`;

const program = join(import.meta.dir, '../../sampan');
let daemon: TestDaemon;
let directory: string;

beforeAll(async () => {
  const root = debianRoot();
  daemon = await TestDaemon.start();
  daemon.sampan('import', '--change', 'CMD ["bash"]', root, 'ubuntu:14.04');
  daemon.sampan('tag', 'ubuntu:14.04', 'ubuntu');
  directory = join(daemon.home, 'tutorial');
  mkdirSync(directory);
  writeFileSync(join(directory, 'Dockerfile'), dockerfile);
}, 600_000);

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
}, 60_000);

/** Runs a program in the tutorial's directory as long as it takes. */
async function run(command: readonly string[], environment: Record<string, string> = {}): Promise<Outcome> {
  const child = Bun.spawn([...command], {
    cwd: directory,
    env: {
      ...process.env,
      PATH: `${dirname(program)}:${process.env['PATH']}`,
      DOCKER_HOST: `unix://${daemon.socket}`,
      SAMPAN_HOST: `unix://${daemon.socket}`,
      DOCKER_BUILDKIT: '0',
      ...environment,
    },
    stdin: 'ignore',
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

describe("the tutorial's image", () => {
  test('is built by docker', async () => {
    const { stdout, stderr, status } = await run(['docker', 'build', '-t', 'test_sshd', '.']);
    expect({ status, said: status === 0 ? '' : stderr + stdout.slice(-4_000) }).toEqual({
      status: 0,
      said: '',
    });
    expect(stdout).toContain('Step 1/8 : FROM     ubuntu:14.04\n');
    expect(stdout).toContain('Setting up openssh-server ');
    expect(stdout).toEndWith('Successfully tagged test_sshd:latest\n');
    expect(daemon.sampan('images')).toMatch(/^test_sshd +latest /m);
  }, 600_000);

  test('is found in the cache when docker builds it again, and is the same', async () => {
    const id = daemon.sampan('inspect', '--format', '{{.Id}}', 'test_sshd');
    const { stdout } = await run(['docker', 'build', '-t', 'again', '.']);
    expect(stdout.match(/^ ---> Using cache$/gm)).toHaveLength(7);
    expect(daemon.sampan('inspect', '--format', '{{.Id}}', 'again')).toBe(id);
  });

  test('is built by sampan of what is in the cache', async () => {
    const command = ['sampan', 'build', '--progress', 'plain', '-t', 'own', '.'];
    const { stderr, status } = await run(command, { DOCKER_BUILDKIT: '1' });
    expect(status).toBe(0);
    expect(stderr).not.toContain('Setting up openssh-server ');
    expect(stderr.match(/ CACHED$/gm)).toHaveLength(4);
  });

  test('says what it is', async () => {
    const [{ Config, Author }] = JSON.parse(daemon.sampan('inspect', 'test_sshd'));
    expect(Author).toBe('Thatcher R. Peskens "thatcher@dotcloud.com"');
    expect(Config.ExposedPorts).toEqual({ '22/tcp': {} });
    expect(Config.Cmd).toEqual(['/usr/sbin/sshd', '-D']);
  });

  test('holds all files of its packages', () => {
    const verify = 'dpkg --verify openssh-server libc6 bash && dpkg -l openssh-server | tail -1';
    expect(daemon.sampan('run', '--rm', 'test_sshd', 'sh', '-c', verify)).toMatch(/^ii +openssh-server /m);
  });
});

describe("the tutorial's server", () => {
  test('runs, and lets in who knows the password', async () => {
    const allow = ['/usr/sbin/sshd', '-D', '-e', '-o', 'PermitRootLogin=yes'];
    expect((await run(['docker', 'run', '-d', '-P', '--name', 'server', 'test_sshd', ...allow])).status).toBe(
      0,
    );
    expect(daemon.sampan('ps')).toContain('test_sshd');
    const port = daemon.sampan('port', 'server', '22/tcp').split('\n')[0]?.split(':').at(-1) ?? '';
    const answer = join(directory, 'password');
    writeFileSync(answer, '#!/bin/sh\necho screencast\n');
    chmodSync(answer, 0o700);
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const ssh = ['ssh', '-p', port, ...options.flatMap((option) => ['-o', option]), 'root@127.0.0.1'];
    const password = { SSH_ASKPASS: answer, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: 'none' };
    let outcome = await run([...ssh, 'hostname'], password);
    for (let tries = 0; outcome.status !== 0 && tries < 100; tries++) {
      await Bun.sleep(100);
      outcome = await run([...ssh, 'hostname'], password);
    }
    const name = daemon.sampan('inspect', '--format', '{{.Config.Hostname}}', 'server');
    expect(outcome).toMatchObject({ status: 0, stdout: `${name}\n` });
    expect(daemon.run('sampan', ['logs', 'server']).stderr).toContain('Accepted password for root');
  });

  test('is shown with its address, and says itself what it lacks where it is not called by its path', async () => {
    daemon.sampan('tag', 'test_sshd', 'ubuntu-sshd');
    expect((await run(['docker', 'run', '-d', '--name', 'shown', 'test_sshd'])).status).toBe(0);
    const [{ NetworkSettings }] = JSON.parse((await run(['docker', 'inspect', 'shown'])).stdout);
    expect(NetworkSettings.IPAddress).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const command = ['docker', 'run', '-d', '--name', 'wrong', 'ubuntu-sshd', '/bin/bash', '-c', 'sshd -D'];
    expect((await run(command)).stdout).toMatch(/^[0-9a-f]{64}\n$/);
    daemon.sampan('wait', 'wrong');
    expect(daemon.run('sampan', ['logs', 'wrong']).stderr).toContain(
      'requires execution with an absolute path',
    );
  });

  test('stops at once when asked, as the process that the image names', async () => {
    expect((await run(['docker', 'run', '-d', '--name', 'plain', 'test_sshd'])).status).toBe(0);
    expect(daemon.sampan('top', 'plain', '-o', 'pid,args')).toContain('/usr/sbin/sshd -D');
    daemon.sampan('stop', 'plain');
    expect(daemon.sampan('inspect', '--format', '{{.State.ExitCode}}', 'plain')).toBe('0');
  });
});

describe("the tutorial's other commands", () => {
  test('say hello', async () => {
    const { stdout } = await run(['docker', 'run', 'ubuntu', 'echo', 'hello world']);
    expect(stdout).toBe('hello world\n');
  });

  test('change a container by hand and keep it as an image', async () => {
    const host = { DOCKER_HOST: `unix://${daemon.socket}` };
    await using terminal = new Terminal(['docker', 'run', '-t', '-i', '-h', 'by-hand', 'ubuntu'], host);
    await terminal.read(/root@by-hand:\/# $/);
    terminal.type('echo changed >/changed; exit\r');
    expect(await terminal.exited).toBe(0);
    const id = daemon.sampan('ps', '-lq');
    const committed = await run([
      ...['docker', 'commit', '-m', 'your commit message', '-a', 'your author info', id, 'your-image-name'],
    ]);
    expect(committed.status).toBe(0);
    expect(daemon.sampan('images')).toContain('your-image-name');
    expect(daemon.sampan('run', '--rm', 'your-image-name', 'cat', '/changed')).toBe('changed');
  });
});
