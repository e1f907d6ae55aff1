import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxMount } from '../../src/containers/sandbox/contract.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import { plainRun, SandboxHost } from '../fixtures/sandbox-host.ts';
import { bindAt, changed, changedHeaders, run, runOnce, secretAt } from '../fixtures/sandbox-runs.ts';

/** What is mounted in a sandbox, what its runs change, and what hostile files make of both. */

let host: SandboxHost;

beforeAll(async () => {
  host = await SandboxHost.open();
});
afterAll(async () => {
  expect(host.leftovers()).toEqual([]);
  await host[Symbol.asyncDispose]();
});

describe('mounts of a sandbox', () => {
  test('show layers, or a path in them, read-only', async () => {
    const layer = await host.layer([
      { type: 'directory', name: 'src', mode: 0o755 },
      { type: 'file', name: 'src/a', size: 2 },
      Buffer.from('a\n'),
    ]);
    const at = (path: string, target: string): SandboxMount => ({
      ...{ type: 'layers', layers: [layer], path, target, readOnly: true },
    });
    const mounts = [at('/', '/all'), at('/src', '/some'), at('/src/a', '/one')];
    const script = 'ls /all; cat /some/a /one; touch /all/b; touch /some/b; echo >/one';
    const { stdout, stderr } = await runOnce(host, script, { mounts });
    expect(stdout).toBe('src\na\na\n');
    expect(stderr.match(/Read-only file system/g)?.length).toBe(3);
  });

  test.each([0, 2])('of %d layers may be written to, which only the next run sees', async (count) => {
    const layers = [host.busybox, await host.layer([{ type: 'file', name: 'b' }])].slice(0, count);
    const mounts: SandboxMount[] = [{ type: 'layers', layers, path: '/', target: '/w', readOnly: false }];
    await using sandbox = await host.open();
    const script =
      'echo x >/w/new && rm -f /w/b && mkdir /w/d && mv /w/d /w/e && ls /w | grep -v etc; cat /w/new';
    const { exitCode, stdout, stderr } = await run(sandbox, script, { mounts });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('e\n');
    expect(stdout).toEndWith('x\n');
    expect((await run(sandbox, 'ls /w | grep -c new', { mounts })).stdout).toBe('1\n');
    const elsewhere = mounts.map((mount) => ({ ...mount, target: '/elsewhere' }));
    expect((await run(sandbox, 'ls /elsewhere | grep -c new', { mounts: elsewhere })).stdout).toBe('0\n');
    expect(await changed(sandbox)).toEqual([]);
  });

  test('of memory take programs, and no more than they may hold', async () => {
    const mounts: SandboxMount[] = [{ type: 'tmpfs', target: '/scratch', size: 1 << 20 }];
    const script =
      'printf "#!/bin/sh\necho ran" >/scratch/x; chmod +x /scratch/x; /scratch/x; head -c 2000000 /dev/zero >/scratch/y || du -s /scratch';
    const { stdout } = await runOnce(host, script, { mounts });
    expect(stdout).toBe('ran\n1024\t/scratch\n');
  });

  test('of contents belong to whom they are to, and are on no disk', async () => {
    await using sandbox = await host.open();
    const secret = 'correct horse battery staple';
    let found = '';
    const look = (): void => {
      found += execFileSync('sh', [
        '-c',
        `grep -srlF --exclude-dir=layers --exclude-dir=busybox "${secret}" ${host.home} || true`,
      ]).toString();
    };
    const mounts = [secretAt('/run/secrets/word', secret, { uid: 33, mode: 0o440 })];
    const script =
      'cat /run/secrets/word; stat -c " %u %a" /run/secrets/word; echo x >/run/secrets/word; sleep 0.2';
    const { stdout, stderr } = await run(sandbox, script, {
      mounts,
      user: 'www-data',
      onOutput: look,
    }).then(() => run(sandbox, script, { mounts, user: 'www-data' }));
    look();
    expect(stdout).toBe(`${secret} 33 440\n`);
    expect(stderr).toContain('Read-only file system');
    expect(found).toBe('');
    expect(await changed(sandbox)).toEqual([]);
  });
});

describe('what a sandbox changed', () => {
  test('is told as a layer, with whiteouts', async () => {
    await using sandbox = await host.open();
    await run(
      sandbox,
      'echo 1 >/new; rm /etc/group; rm -r /home; mkdir /home; mkdir -p /d/e; echo x >/d/e/f',
    );
    expect(await changed(sandbox)).toEqual([
      ...['d/', 'd/e/', 'd/e/f', 'etc/', 'etc/.wh.group'],
      ...['home/', 'home/.wh..wh..opq', 'new'],
    ]);
  });

  test('makes the same files again when it is applied', async () => {
    await using sandbox = await host.open();
    const script =
      'mv /etc /var/old; mkdir -p /n/m; ln /bin/busybox /n/bb; ln -s /n /l; chown 5:6 /tmp; mkfifo /p';
    await run(sandbox, `${script}; rm -r /home; echo x >/home`);
    const parts = await Array.fromAsync(sandbox.changes(host.context));
    await using second = await host.open(host.busybox, await host.layer(parts));
    const list =
      'find / -xdev | grep -vE "^/(dev|proc|sys|etc)" | sort | while read p; do stat -c "%n %F %a %u %g %s %N" "$p"; done';
    const [before, after] = [await run(sandbox, list), await run(second, list)];
    expect(after.stdout.replace(/ directory (\d+ \d+ \d+) \d+/g, ' directory $1')).toEqual(
      before.stdout.replace(/ directory (\d+ \d+ \d+) \d+/g, ' directory $1'),
    );
  });

  test('is nothing after a run that changed nothing', async () => {
    await using sandbox = await host.open();
    await run(sandbox, 'true');
    expect(await changed(sandbox)).toEqual([]);
  });

  test('does not hold mount points that are still empty, nor what had to be made around them', async () => {
    await using sandbox = await host.open();
    const mounts = [
      secretAt('/run/secrets/deep/word', 'x'),
      bindAt('/opt/cache/x', host.home),
      bindAt('/var/cache', host.home),
    ];
    await run(sandbox, 'true', { mounts });
    expect(await changed(sandbox)).toEqual([]);
  });

  test('holds what came to be beside mount points', async () => {
    await using sandbox = await host.open();
    await run(sandbox, 'echo 1 >/opt/real', {
      mounts: [bindAt('/opt/cache/x', host.home), bindAt('/var/a/b', host.home)],
    });
    expect(await changed(sandbox)).toEqual(['opt/', 'opt/real']);
  });

  test('finds mount points behind links', async () => {
    const linked = await host.layer([{ type: 'symlink', name: 'alias', linkName: '/var' }]);
    await using sandbox = await host.open(host.busybox, linked);
    await run(sandbox, 'true', { mounts: [bindAt('/alias/x/y', host.home)] });
    expect(await changed(sandbox)).toEqual([]);
  });

  test('does not hold what links of /etc lead to', async () => {
    const linked = await host.layer([
      { type: 'symlink', name: 'etc/resolv.conf', linkName: '../run/systemd/resolve/stub-resolv.conf' },
    ]);
    await using sandbox = await host.open(host.busybox, linked);
    expect((await run(sandbox, 'grep -c nameserver /etc/resolv.conf')).exitCode).toBe(0);
    expect(await changed(sandbox)).toEqual([]);
  });

  test('keeps what an earlier run made where a later one mounts', async () => {
    await using sandbox = await host.open();
    await run(sandbox, 'mkdir -p /opt/cache; echo >/opt/empty');
    await run(sandbox, 'true', { mounts: [bindAt('/opt/cache', host.home), secretAt('/opt/secret', 'x')] });
    expect(await changed(sandbox)).toEqual(['opt/', 'opt/cache/', 'opt/empty']);
  });

  test('does not hold directories of which only the times differ', async () => {
    await using sandbox = await host.open();
    await run(sandbox, 'touch /etc/x; rm /etc/x; touch -d 2001-01-01 /home; mkdir /tmp/d; rmdir /tmp/d');
    expect(await changed(sandbox)).toEqual([]);
    await run(sandbox, 'chmod 700 /home');
    expect(await changedHeaders(sandbox)).toMatchObject([{ name: 'home/', mode: 0o700 }]);
  });

  test('can be looked at and written to between runs', async () => {
    await using sandbox = await host.open();
    await run(sandbox, 'echo 1 >/a');
    {
      await using root = await sandbox.root(host.context);
      expect(await root.stat(host.context, '/a', false)).toMatchObject({ type: 'file', size: 2 });
      expect(await root.stat(host.context, '/proc/self', false)).toBeUndefined();
      await expect(sandbox.run(host.context, plainRun)).rejects.toThrow('in use');
      async function* parts() {
        yield { type: 'file', name: 'b', size: 0, mode: 0o600 } as const;
      }
      await root.write(host.context, '/', parts(), { keepKinds: false });
    }
    expect((await run(sandbox, 'ls -l /b')).stdout).toStartWith('-rw-------');
    expect(await changed(sandbox)).toEqual(['a', 'b']);
  });
});

describe('hostile images and steps', () => {
  test.each(['/proc', '/proc/sys', '/proc/self/x'])('get nothing mounted on %s', async (target) => {
    await expect(runOnce(host, 'true', { mounts: [bindAt(target, host.home)] })).rejects.toThrow(StartError);
  });

  test('do not lead a mount out of the root', async () => {
    const victim = join(host.home, 'victim');
    const links = await host.layer([
      { type: 'symlink', name: 'out', linkName: `../../../../../..${victim}` },
      { type: 'symlink', name: 'up', linkName: '/proc/1/root' },
    ]);
    await using sandbox = await host.open(host.busybox, links);
    const mounts = ['/out/deep', '/etc/../../../outside'].map((target) => secretAt(target, 'x'));
    const { exitCode } = await run(sandbox, `ls ${victim}/deep /outside`, { mounts });
    expect(exitCode).toBe(0);
    expect(readdirSync(host.home)).not.toContain('victim');
    expect(readdirSync('/')).not.toContain('outside');
    expect(await changed(sandbox)).toEqual([]);
    await expect(run(sandbox, 'true', { mounts: [secretAt('/up/x', 'x')] })).rejects.toThrow(StartError);
  });

  test('do not lead the source of a mount out of its layers', async () => {
    const links = await host.layer([
      { type: 'symlink', name: 'leak', linkName: '/etc/shadow' },
      { type: 'symlink', name: 'dir', linkName: '../../../../../../root' },
      { type: 'symlink', name: 'magic', linkName: '/proc/self/root/etc/shadow' },
    ]);
    for (const path of ['/leak', '/dir', '/magic', '/../../etc/shadow']) {
      const mounts: SandboxMount[] = [
        { type: 'layers', layers: [links], path, target: '/m', readOnly: true },
      ];
      await expect(runOnce(host, 'true', { mounts })).rejects.toThrow(StartError);
    }
    expect(host.leftovers()).toEqual([]);
  });

  test.each(['/a,b:c', '/upperdir=x', '/a b\tc\n', '/"q"\\', '/-o', '/\u{e9}\u{1f6a2}'])(
    'get mounts on %j and nothing else by it',
    async (target) => {
      await using sandbox = await host.open();
      const layers: SandboxMount = {
        type: 'layers',
        layers: [host.busybox],
        path: '/etc',
        target,
        readOnly: false,
      };
      const args = ['sh', '-c', 'cat "$0/passwd" >/dev/null && echo there', target];
      const { stdout } = await run(sandbox, '', { args, mounts: [layers] });
      expect(stdout).toBe('there\n');
      expect(await changed(sandbox)).toEqual([]);
    },
  );

  test('do not see where mounts were laid out', async () => {
    const mounts = [secretAt('/one', 'first secret'), secretAt('/two', 'second secret')];
    const { stdout } = await runOnce(host, 'cat /one/../* 2>/dev/null; ls /one /two', { mounts });
    expect(stdout).toContain('/one\n/two\n');
    const [only] = mounts;
    const script = 'find / -xdev -name "[0-9]" ; cat /proc/self/mountinfo';
    const seen = await runOnce(host, script, { mounts: only === undefined ? [] : [only] });
    expect(seen.stdout).not.toContain('second');
  });
});
