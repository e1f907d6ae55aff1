import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

const fill = `cd /v; echo one > one; chmod 4750 one; chown 33:44 one; ln one again; ln -s ../../etc/passwd link
mkdir -p a/b; echo deep > a/b/deep; mkfifo pipe; mknod null c 1 3; chown 5:6 .; chmod 1770 .`;
const look = `cd /v; find . | sort | xargs stat -c '%n %F %a %u:%g %h %t,%T' | grep -v '^./mark'; cat one a/b/deep; readlink link`;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  shell(fill, 'data');
  const path = mountpoint('data');
  const set = spawnSync('python3', [
    '-c',
    'import os,sys; os.setxattr(sys.argv[1], "user.mark", b"x")',
    `${path}/one`,
  ]);
  expect(set.status).toBe(0);
});
afterAll(() => daemon[Symbol.asyncDispose]());

function shell(script: string, volume: string): string {
  return daemon.sampan('run', '--rm', '-v', `${volume}:/v:nocopy`, 'busybox', 'sh', '-c', script);
}

function mountpoint(name: string): string {
  return daemon.sampan('volume', 'inspect', '-f', '{{.Mountpoint}}', name);
}

function xattrOf(volume: string): string {
  const script = 'import os,sys; print(os.getxattr(sys.argv[1], "user.mark").decode())';
  return spawnSync('python3', ['-c', script, join(mountpoint(volume), 'one')], {
    encoding: 'utf8',
  }).stdout.trim();
}

function failure(...args: string[]): string {
  const { status, stderr } = daemon.run('sampan', args);
  expect(status).toBe(1);
  return stderr;
}

describe('volume clone', () => {
  test('makes an equal volume, whose content is its own', () => {
    daemon.sampan('volume', 'create', '--label', 'a=b', 'labelled');
    expect(daemon.sampan('volume', 'clone', 'data', 'copy')).toBe('copy');
    expect(shell(look, 'copy')).toBe(shell(look, 'data'));
    expect(xattrOf('copy')).toBe('x');
    shell('echo changed > /v/one', 'copy');
    expect(shell('cat /v/one', 'data')).toBe('one');
    daemon.sampan('volume', 'clone', 'labelled', 'labelled-too');
    expect(daemon.sampan('volume', 'inspect', '-f', '{{.Labels}}', 'labelled-too')).toBe('map[a:b]');
    daemon.sampan('volume', 'rm', 'copy', 'labelled', 'labelled-too');
  });

  test('refuses names that are taken, or none, and volumes that are not there', () => {
    expect(failure('volume', 'clone', 'data', 'data')).toContain('there is a volume "data" already');
    expect(failure('volume', 'clone', 'data', '../x')).toContain('invalid characters');
    expect(failure('volume', 'clone', 'nosuch', 'other')).toContain('get nosuch: no such volume');
    expect(daemon.run('sampan', ['volume', 'inspect', 'other']).status).toBe(1);
  });
});

describe('volume rename', () => {
  test('takes content and snapshots along, unless a container has it', () => {
    daemon.sampan('volume', 'clone', 'data', 'before');
    daemon.sampan('volume', 'snapshot', 'before', 'kept');
    daemon.sampan('create', '--name', 'user', '-v', 'before:/v', 'busybox');
    expect(failure('volume', 'rename', 'before', 'after')).toContain('volume is in use');
    daemon.sampan('rm', 'user');
    expect(failure('volume', 'rename', 'before', 'data')).toContain('there is a volume "data" already');
    daemon.sampan('volume', 'rename', 'before', 'after');
    expect(shell(look, 'after')).toBe(shell(look, 'data'));
    expect(daemon.sampan('volume', 'snapshots', '--format', '{{.Name}}', 'after')).toBe('kept');
    expect(daemon.run('sampan', ['volume', 'inspect', 'before']).status).toBe(1);
    daemon.sampan('volume', 'rm', 'after');
  });
});

describe('volume snapshots', () => {
  test('are put back whole, while no container runs', async () => {
    const before = shell(look, 'data');
    expect(daemon.sampan('volume', 'snapshot', 'data', 's1')).toBe('s1');
    expect(failure('volume', 'snapshot', 'data', 's1')).toContain('there is a snapshot "s1" already');
    expect(daemon.sampan('volume', 'snapshot', 'data')).toMatch(/^\d{8}T\d{6}\.\d{3}Z$/);
    daemon.sampan('run', '-d', '--name', 'runner', '-v', 'data:/v', 'busybox', 'sleep', '1000');
    daemon.sampan('exec', 'runner', 'sh', '-c', 'rm -r /v/a; echo x > /v/new');
    expect(failure('volume', 'restore', 'data', 's1')).toContain('in use by a running container');
    daemon.sampan('rm', '-f', 'runner');
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    expect(failure('volume', 'restore', 'data', 'nosuch')).toContain('has no snapshot "nosuch"');
    daemon.sampan('volume', 'restore', 'data', 's1');
    expect(shell(look, 'data')).toBe(before);
    expect(daemon.sampan('volume', 'snapshots', 'data').split('\n')).toHaveLength(3);
    daemon.sampan('volume', 'snapshot', '--rm', 'data', 's1');
    expect(failure('volume', 'restore', 'data', 's1')).toContain('has no snapshot');
  });

  test.each(['../x', '.hidden', 'a/b'])('are not named %s', (name) => {
    expect(failure('volume', 'snapshot', 'data', name)).toContain('is no name for a snapshot');
  });

  test('count in what the volume takes of the disk, and go with it', () => {
    shell('dd if=/dev/urandom of=/v/big bs=1M count=2', 'large');
    const path = dirname(mountpoint('large'));
    const size = () =>
      Number(
        daemon
          .sampan('system', 'df', '-v', '--format', '{{range .Volumes}}{{.Name}} {{.Size}}{{println}}{{end}}')
          .match(/^large ([\d.]+)MB$/m)?.[1],
      );
    const before = size();
    daemon.sampan('volume', 'snapshot', 'large');
    expect(size()).toBeGreaterThan(before * 1.9);
    daemon.sampan('volume', 'rm', 'large');
    expect(existsSync(path)).toBe(false);
  });
});

describe('volume export and import', () => {
  test('keep everything, in whatever compression', () => {
    const file = join(daemon.home, 'data.tar');
    daemon.sampan('volume', 'export', '-o', file, 'data');
    expect(daemon.sampan('volume', 'import', 'again', file)).toBe('again');
    expect(shell(look, 'again')).toBe(shell(look, 'data'));
    expect(xattrOf('again')).toBe('x');
    const packed = spawnSync('gzip', ['-c', file], { maxBuffer: 1 << 26 }).stdout;
    expect(daemon.run('sampan', ['volume', 'import', 'packed'], packed).stdout).toBe('packed\n');
    expect(shell(look, 'packed')).toBe(shell(look, 'data'));
    expect(failure('volume', 'import', 'again', file)).toContain('the volume is not empty');
    expect(spawnSync('tar', ['-tf', file], { encoding: 'utf8' }).stdout).toContain('\na/b/deep\n');
    daemon.sampan('volume', 'rm', 'again', 'packed');
  });

  test('of a broken archive leave nothing', () => {
    const broken = spawnSync('sh', ['-c', `head -c 5000 ${join(daemon.home, 'data.tar')}`]).stdout;
    const made = daemon.run('sampan', ['volume', 'import', 'new', '-'], broken);
    expect(made.status).toBe(1);
    expect(failure('volume', 'inspect', 'new')).toContain('no such volume');
    daemon.sampan('volume', 'create', 'old');
    expect(daemon.run('sampan', ['volume', 'import', 'old', '-'], broken).status).toBe(1);
    expect(shell('ls -A /v', 'old')).toBe('');
    daemon.sampan('volume', 'rm', 'old');
  });
});

test('a size limit is refused where the filesystem has none', () => {
  const outcome = daemon.run('sampan', ['volume', 'create', '-o', 'size=10M', 'limited']);
  expect(outcome.stderr).toContain('quota size requested but no quota support');
  expect(daemon.run('sampan', ['volume', 'inspect', 'limited']).status).toBe(1);
});

describe('a volume of a plugin', () => {
  const name = `sampan-test-${process.pid}`;
  const directory = '/run/docker/plugins';
  const socket = join(directory, `${name}.sock`);
  const existed = existsSync(directory);
  const calls: string[] = [];
  let server: Server;

  beforeAll(async () => {
    mkdirSync(directory, { recursive: true });
    const place = (volume: unknown) => join(daemon.home, 'plugin', String(volume));
    server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const verb = (request.url ?? '').split('.').at(-1) ?? '';
      const { Name, ID } = JSON.parse(text);
      calls.push(`${verb} ${Name ?? ''} ${(ID ?? '').slice(0, 6)}`.trim());
      if (verb === 'Create') mkdirSync(place(Name), { recursive: true });
      if (verb === 'Remove') rmSync(place(Name), { recursive: true });
      const answers: Record<string, object> = {
        Activate: { Implements: ['VolumeDriver'] },
        Capabilities: { Capabilities: { Scope: 'local' } },
        Path: { Mountpoint: place(Name) },
        Mount: { Mountpoint: place(Name) },
        Get: { Volume: { Name, Mountpoint: place(Name), Status: { mood: 'fine' } } },
        List: { Volumes: [{ Name: 'elsewhere', Mountpoint: '' }] },
      };
      response.end(JSON.stringify(answers[verb] ?? {}));
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(socket, { force: true });
    if (!existed) rmSync(directory, { recursive: true });
  });

  /** The server lives in this process, so commands must not block it. */
  async function sampan(...args: string[]): Promise<string> {
    const child = Bun.spawn([join(import.meta.dir, '../../sampan'), ...args], {
      env: { ...process.env, SAMPAN_HOST: `unix://${daemon.socket}` },
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await child.exited) !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  test('is made, mounted, filled, shown and removed by the plugin', async () => {
    await sampan('volume', 'create', '-d', name, '-o', 'a=b', 'plugged');
    expect(await sampan('volume', 'inspect', '-f', '{{.Driver}} {{.Status.mood}}', 'plugged')).toBe(
      `${name} fine`,
    );
    // Whoever names no driver means the one that it has.
    const { status, body } = await daemon.request('POST', '/volumes/create', { Name: 'plugged' });
    expect([status, body.Driver]).toEqual([201, name]);
    await sampan('run', '--rm', '-v', 'plugged:/etc', 'busybox', 'sh', '-c', 'echo x > /etc/new');
    expect(readFileSync(join(daemon.home, 'plugin/plugged/new'), 'utf8')).toBe('x\n');
    expect(existsSync(join(daemon.home, 'plugin/plugged/passwd'))).toBe(true);
    expect(await sampan('volume', 'ls', '--format', '{{.Driver}} {{.Name}}')).toContain(`${name} elsewhere`);
    await sampan('volume', 'rm', 'plugged');
    const mounts = calls.filter((call) => /^(Mount|Unmount)/.test(call));
    expect(mounts.map((call) => call.split(' ')[0])).toEqual(['Mount', 'Unmount', 'Mount', 'Unmount']);
    expect(calls.at(-1)).toBe('Remove plugged');
  });

  test('is named once among all drivers, and also anonymous ones come from it', async () => {
    await expect(sampan('volume', 'create', '-d', name, 'data')).rejects.toThrow(
      "driver 'local' already has volume 'data': volume name must be unique",
    );
    const id = await sampan('create', '--volume-driver', name, '-v', '/anonymous', 'busybox');
    expect(await sampan('inspect', '-f', '{{range .Mounts}}{{.Driver}}{{end}}', id)).toBe(name);
    await sampan('rm', '-v', id);
  });

  test('that has gone is removed only by force', async () => {
    await sampan('volume', 'create', '-d', name, 'orphan');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(socket, { force: true });
    await expect(sampan('volume', 'rm', 'orphan')).rejects.toThrow('orphan');
    await sampan('volume', 'rm', '-f', 'orphan');
    expect(await sampan('volume', 'ls', '-q')).not.toContain('orphan');
  });
});
