import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeBusyboxRoot, tarOf } from '../fixtures/busybox-root.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** An image of busybox that `change` did something to before it was packed. */
function hostileImage(name: string, change: (root: string) => void): string {
  const root = join(daemon.home, `root-${name}`);
  mkdirSync(root);
  makeBusyboxRoot(root);
  change(root);
  const outcome = daemon.run('sampan', ['import', '-', name], tarOf(root));
  expect(outcome.status).toBe(0);
  return name;
}

function run(...args: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...args]);
}

function launcherDigest(): string {
  return createHash('sha256')
    .update(readFileSync(join(daemon.home, 'run/sampan-launcher')))
    .digest('hex');
}

describe('the working directory', () => {
  test.each([3, 5, 7, 8, 9, 10])('/proc/self/fd/%d gives no way out (CVE-2024-21626)', (descriptor) => {
    const outcome = run(
      '-w',
      `/proc/self/fd/${descriptor}`,
      'busybox',
      'sh',
      '-c',
      'cat ../../../../etc/hostname; pwd',
    );
    const host = readFileSync('/etc/hostname', 'utf8').trim();
    expect(outcome.stdout).not.toContain(host);
    expect(outcome.status).not.toBe(0);
  });

  test('that the image links to /proc/self/fd gives no way out', () => {
    const image = hostileImage('linked-cwd', (root) => symlinkSync('/proc/self/fd/7', join(root, 'cwd')));
    // Whether it starts is up to what the descriptor is by then; where it starts is not.
    const { stdout } = run('-w', '/cwd', image, 'sh', '-c', 'cat ../../../../etc/hostname; ls ../../../../');
    expect(stdout).not.toContain(readFileSync('/etc/hostname', 'utf8').trim());
    expect(stdout).not.toContain('boot');
  });
});

describe('mount targets', () => {
  test('that are links stay inside the container', () => {
    const victim = join(daemon.home, 'victim');
    mkdirSync(victim);
    const image = hostileImage('linked-target', (root) => {
      symlinkSync(`../../../../../../..${victim}`, join(root, 'out'));
      symlinkSync('/proc/1/root', join(root, 'up'));
    });
    const source = join(daemon.home, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'planted'), 'x');
    const outcome = run('-v', `${source}:/out/deep`, image, 'sh', '-c', `ls ${victim}/deep`);
    expect(outcome.stdout).toBe('planted\n');
    expect(existsSync(join(victim, 'deep'))).toBe(false);
  });

  test.each(['/proc', '/proc/sys', '/proc/self/attr', '/proc/1'])('over %s are refused', (target) => {
    const source = join(daemon.home, `over${target.replaceAll('/', '-')}`);
    mkdirSync(source);
    const outcome = run('-v', `${source}:${target}`, 'busybox', 'true');
    expect(outcome.status).toBeGreaterThan(124);
    expect(outcome.stderr).toMatch(/proc/);
  });

  test('swapped for links by another container while this one starts stay inside', async () => {
    const shared = join(daemon.home, 'shared');
    const victim = join(daemon.home, 'swap-victim');
    mkdirSync(join(shared, 'target'), { recursive: true });
    mkdirSync(victim);
    const script = `cd /s; while :; do mv target t2; ln -s ../../../../..${victim} target; rm target; mv t2 target; done`;
    const swapper = daemon.sampan('run', '-d', '-v', `${shared}:/s`, 'busybox', 'sh', '-c', script);
    for (let round = 0; round < 40; round++) {
      run('-v', `${shared}:/s`, '--tmpfs', '/s/target/inner', 'busybox', 'true');
      expect(existsSync(join(victim, 'inner'))).toBe(false);
    }
    daemon.sampan('rm', '-f', swapper);
  });
});

describe('an image', () => {
  test('that replaces /dev/null and /dev/pts cannot steer the masks or the terminal', () => {
    const image = hostileImage('dev', (root) => {
      symlinkSync('/etc/passwd', join(root, 'dev/null'));
      symlinkSync('/etc', join(root, 'dev/pts'));
      symlinkSync('/etc/passwd', join(root, 'dev/console'));
    });
    const { stdout } = run(
      image,
      'sh',
      '-c',
      'stat -c "%t:%T" /dev/null; cat /proc/kcore | wc -c; ls -d /dev/pts/ptmx',
    );
    expect(stdout).toBe('1:3\n0\n/dev/pts/ptmx\n');
    const terminal = daemon.run('sampan', ['run', '--rm', '-t', image, 'tty']);
    expect(terminal.stdout.trim()).toBe('/dev/pts/0');
  });

  test.each(['proc', 'sys'])('whose /%s is a link cannot make it mount elsewhere', (name) => {
    const image = hostileImage(`linked-${name}`, (root) => {
      rmSync(join(root, name), { recursive: true });
      symlinkSync('/tmp', join(root, name));
    });
    const outcome = run(image, 'sh', '-c', `grep -c " /tmp " /proc/mounts`);
    expect(outcome.status === 0 && outcome.stdout.trim() !== '0').toBe(false);
  });

  test('whose program is the launcher itself cannot overwrite it (CVE-2019-5736)', () => {
    const before = launcherDigest();
    const image = hostileImage('overwrite', (root) => {
      writeFileSync(join(root, 'bin/self'), '#!/proc/self/exe\n');
      chmodSync(join(root, 'bin/self'), 0o755);
    });
    run(image, '/bin/self');
    const attack = 'for pid in /proc/[0-9]*; do echo x 2>/dev/null >$pid/exe; done; true';
    const container = daemon.sampan(
      'run',
      '-d',
      '--privileged',
      'busybox',
      'sh',
      '-c',
      `while :; do ${attack}; done`,
    );
    for (let round = 0; round < 20; round++) daemon.run('sampan', ['exec', container, 'true']);
    daemon.sampan('rm', '-f', container);
    expect(launcherDigest()).toBe(before);
    expect(run('busybox', 'echo', 'alive').stdout).toBe('alive\n');
  });

  test('cannot look into a process that an exec is about to become (CVE-2016-9962)', () => {
    const look = 'for p in /proc/[0-9]*; do readlink $p/exe $p/root $p/cwd $p/fd/*; cat $p/environ; done';
    const script = `while :; do { ${look}; } 2>/dev/null | grep -a -E "memfd|sampan|socket" >>/seen; done`;
    const container = daemon.sampan('run', '-d', 'busybox', 'sh', '-c', script);
    for (let round = 0; round < 30; round++) daemon.run('sampan', ['exec', container, 'true']);
    expect(daemon.sampan('exec', container, 'cat', '/seen')).toBe('');
    daemon.sampan('rm', '-f', container);
  });

  test('that gets at its init changes only a copy of the launcher', () => {
    const launcher = join(daemon.home, 'run/sampan-launcher');
    const seen = run('--init', 'busybox', 'stat', '-c', '%i', '/sbin/docker-init');
    expect(seen.stdout.trim()).toMatch(/^\d+$/);
    expect(seen.stdout.trim()).not.toBe(String(statSync(launcher).ino));
    const attack = 'mount -o remount,bind,rw /sbin/docker-init; echo x >/sbin/docker-init; echo done';
    expect(run('--init', '--privileged', 'busybox', 'sh', '-c', attack).stdout).toBe('done\n');
    expect(run('busybox', 'echo', 'alive').stdout).toBe('alive\n');
  });

  test("whose /etc/passwd is a link reads its own file, not the host's", () => {
    const image = hostileImage('passwd', (root) => {
      rmSync(join(root, 'etc/passwd'));
      symlinkSync('../../../../../../../../etc/secret-users', join(root, 'etc/passwd'));
      writeFileSync(join(root, 'etc/secret-users'), 'inner:x:4321:4321::/:/bin/sh\n');
    });
    expect(run('-u', 'inner', image, 'id', '-u').stdout).toBe('4321\n');
    expect(run('-u', 'daemon', image, 'true').stderr).toContain('unable to find user daemon');
  });
});

describe('the process', () => {
  test('inherits nothing but its three streams, neither at start nor in exec', () => {
    const script = 'ls /proc/self/fd | wc -l; grep -E "Cap(Inh|Amb)" /proc/self/status';
    const expected = '4\nCapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n';
    expect(run('busybox', 'sh', '-c', script).stdout).toBe(expected);
    const container = daemon.sampan('run', '-d', 'busybox', 'sleep', '600');
    expect(`${daemon.sampan('exec', container, 'sh', '-c', script)}\n`).toBe(expected);
    daemon.sampan('rm', '-f', container);
  });

  test.each(['4294967296', '-1', '2147483648', '0:4294967296'])('is refused the user %s', (user) => {
    const outcome = run(`--user=${user}`, 'busybox', 'id');
    expect(outcome.status).toBeGreaterThan(124);
    expect(outcome.stdout).toBe('');
  });

  test('has no variable for an environment entry without "="', async () => {
    const spec = {
      Image: 'busybox',
      Cmd: ['/bin/env'],
      Env: ['LONELY', 'PATH', 'A=1'],
      HostConfig: { NetworkMode: 'none' },
    };
    const { body } = await daemon.request('POST', '/containers/create', spec);
    const printed = daemon.sampan('start', '-a', body.Id);
    expect(printed).toContain('A=1');
    expect(printed).not.toMatch(/LONELY|PATH/);
  });
});
