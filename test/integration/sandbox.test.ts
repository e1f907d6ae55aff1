import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox, SandboxMount, SandboxRequest } from '../../src/containers/sandbox/contract.ts';
import { hexOf } from '../../src/oci/digest.ts';
import type { TarHeader } from '../../src/oci/tar/writer.ts';
import { StartError } from '../../src/runtime/start-error.ts';
import { ContainerConfig, HostConfig } from '../../src/wire/container-config.ts';
import { plainRun, SandboxHost } from '../fixtures/sandbox-host.ts';

let host: SandboxHost;

beforeAll(async () => {
  host = await SandboxHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

interface Finished {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell script, and takes what it writes. */
async function run(
  sandbox: Sandbox,
  script: string,
  wishes: Partial<SandboxRequest> = {},
): Promise<Finished> {
  const written = { stdout: '', stderr: '' };
  const { exitCode } = await sandbox.run(host.context, {
    ...plainRun,
    args: ['sh', '-c', script],
    onOutput: (stream, bytes) => {
      written[stream] += Buffer.from(bytes).toString();
    },
    ...wishes,
  });
  return { exitCode, ...written };
}

/** One script in a sandbox of its own. */
async function runOnce(script: string, wishes: Partial<SandboxRequest> = {}): Promise<Finished> {
  await using sandbox = await host.open();
  return await run(sandbox, script, wishes);
}

/** Names of what a layer of the changes would have. */
async function changed(sandbox: Sandbox): Promise<string[]> {
  return (await changedHeaders(sandbox)).map(({ name }) => name);
}

async function changedHeaders(sandbox: Sandbox): Promise<TarHeader[]> {
  const headers: TarHeader[] = [];
  for await (const part of sandbox.changes(host.context)) {
    if (!(part instanceof Uint8Array)) headers.push(part);
  }
  return headers;
}

function secretAt(target: string, text: string, more: { uid?: number; mode?: number } = {}): SandboxMount {
  return { type: 'content', target, content: Buffer.from(text), mode: 0o400, uid: 0, gid: 0, ...more };
}

function bindAt(target: string, source = host.home): SandboxMount {
  return { type: 'bind', source, target, readOnly: true };
}

describe('a process in a sandbox', () => {
  test('has its streams apart, its environment and its exit code', async () => {
    const script = 'echo out; echo err >&2; echo $HOME $X $(pwd) $(hostname); exit 3';
    const wishes = { env: ['PATH=/bin', 'X=y'], workingDirectory: '/var', hostname: 'builder' };
    expect(await runOnce(script, wishes)).toEqual({
      exitCode: 3,
      stdout: 'out\n/root y /var builder\n',
      stderr: 'err\n',
    });
  });

  test('is the user that was asked for, by name or number', async () => {
    const ids = async (user: string) => (await runOnce('echo $(id -u):$(id -g)', { user })).stdout.trim();
    expect(await ids('www-data')).toBe('33:33');
    expect(await ids('7:8')).toBe('7:8');
  });

  test('is confined as containers are', async () => {
    const script =
      "grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status; cat /proc/kcore; mount -t tmpfs x /mnt; ls /dev/vda";
    const { stdout, stderr } = await runOnce(script);
    expect(stdout).toBe('CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\n');
    expect(stderr).toContain('permission denied');
    expect(stderr).toContain('/dev/vda: No such file');
  });

  test('has all privileges when it is to', async () => {
    const [, own] = /^CapEff:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    const { stdout } = await runOnce("grep -E '^(CapEff|Seccomp):' /proc/self/status", { privileged: true });
    expect(stdout).toBe(`CapEff:\t${own}\nSeccomp:\t0\n`);
  });

  test('is no container that anybody sees', async () => {
    await using sandbox = await host.open();
    let seen = -1;
    const onOutput = (): void => {
      seen = host.parts.containers.list().length;
    };
    await run(sandbox, 'echo', { onOutput });
    expect(seen).toBe(0);
  });

  test('finds its files, read-only, where they are to be', async () => {
    const files = [
      { path: '/dev/pipes/EOF', mode: 0o755, content: Buffer.from('#!/bin/sh\necho from a file\n') },
    ];
    const { stdout, stderr } = await runOnce('/dev/pipes/EOF; echo x >>/dev/pipes/EOF', { files });
    expect(stdout).toBe('from a file\n');
    expect(stderr).toContain('Read-only file system');
  });

  test('that cannot be started says why, and leaves the sandbox usable', async () => {
    await using sandbox = await host.open();
    const start = run(sandbox, '', { args: ['missing-program'] });
    await expect(start).rejects.toThrow(StartError);
    await expect(start).rejects.toMatchObject({ exitCode: 127 });
    await start.catch(() => {});
    expect((await run(sandbox, 'echo again')).stdout).toBe('again\n');
  });

  test('that needs more memory than it may have is killed, which is told', async () => {
    const limits = { ...plainRun.limits, memory: 16 << 20, memorySwap: 16 << 20 };
    await using sandbox = await host.open();
    const request = { ...plainRun, args: ['sh', '-c', 'tail /dev/zero'], limits };
    expect(await sandbox.run(host.context, request)).toEqual({ exitCode: 137, oomKilled: true });
  });

  test('talks to a terminal', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('stty size; exit 7\n');
    }
    const terminal = { rows: 33, columns: 99, input: input() };
    const { exitCode, stdout } = await runOnce('', { args: ['sh'], terminal });
    expect(exitCode).toBe(7);
    expect(stdout).toContain('33 99');
  });

  test('is told of the end of what is typed', async () => {
    async function* input(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('some words\n');
    }
    const terminal = { rows: 0, columns: 0, input: input() };
    const { exitCode, stdout } = await runOnce('cat; exit 4', { terminal });
    expect(exitCode).toBe(4);
    expect(stdout).toContain('some words\r\nsome words\r\n');
  });

  test('gets no faster than its output is taken, and loses none of it', async () => {
    let size = 0;
    let isBusy = false;
    const onOutput: SandboxRequest['onOutput'] = async (_stream, bytes) => {
      expect(isBusy).toBe(false);
      isBusy = true;
      await Bun.sleep(0);
      size += bytes.length;
      isBusy = false;
    };
    expect((await runOnce('head -c 20000000 /dev/zero', { onOutput })).exitCode).toBe(0);
    expect(size).toBe(20_000_000);
  });
});

describe('the end of a run', () => {
  test('comes at once when it is given up, with all processes', async () => {
    await using sandbox = await host.open();
    const stop = new AbortController();
    const script = `(trap "" TERM; sleep ${nap(1000)}) & setsid sleep ${nap(1001)} & echo started; wait`;
    const running = sandbox.run(
      { ...host.context, signal: stop.signal },
      { ...plainRun, args: ['sh', '-c', script], onOutput: () => stop.abort(new Error('enough')) },
    );
    await expect(running).rejects.toThrow('enough');
    expect(processesOf(1000)).toEqual([]);
    expect(processesOf(1001)).toEqual([]);
    expect((await run(sandbox, 'echo more')).stdout).toBe('more\n');
  });

  test('comes when nobody takes the output any more', async () => {
    const onOutput = (): void => {
      throw new Error('no room');
    };
    await expect(runOnce('yes', { onOutput })).rejects.toThrow('no room');
  });

  test('takes what was left in the background along', async () => {
    await runOnce(`sleep ${nap(1002)} >/dev/null 2>&1 &`);
    expect(processesOf(1002)).toEqual([]);
  });

  test('is not reached by a run that was given up before', async () => {
    await using sandbox = await host.open();
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(sandbox.run({ ...host.context, signal }, plainRun)).rejects.toThrow('too late');
    expect(await changed(sandbox)).toEqual([]);
  });

  test('comes with the sandbox', async () => {
    const sandbox = await host.open();
    const started = Promise.withResolvers<void>();
    const running = run(sandbox, `echo; sleep ${nap(1003)}`, { onOutput: () => started.resolve() });
    running.catch(() => {});
    await started.promise;
    await sandbox[Symbol.asyncDispose]();
    await expect(running).rejects.toThrow('the sandbox is being removed');
    expect(processesOf(1003)).toEqual([]);
    expect(host.leftovers()).toEqual([]);
  });

  test('does not wait for those who only look at the sandbox', async () => {
    const [read, opened] = [await host.open(), await host.open()];
    await run(read, 'head -c 3000000 /dev/zero >/large');
    const parts = read.changes(host.context)[Symbol.asyncIterator]();
    await parts.next();
    await read[Symbol.asyncDispose]();
    await expect(Promise.resolve(parts.next().then(() => parts.next()))).rejects.toThrow();
    const root = await opened.root(host.context);
    await opened[Symbol.asyncDispose]();
    await expect(root.stat(host.context, '/', false)).rejects.toThrow();
    await root[Symbol.asyncDispose]();
    expect(host.leftovers()).toEqual([]);
  });

  test('is what a second run of the same sandbox has to wait for', async () => {
    await using sandbox = await host.open();
    const stop = new AbortController();
    const context = { ...host.context, signal: stop.signal };
    const running = sandbox.run(context, { ...plainRun, args: ['sleep', nap(1004)] });
    running.catch(() => {});
    await expect(sandbox.run(host.context, plainRun)).rejects.toThrow('the sandbox is in use');
    stop.abort(new Error('enough'));
    await running.catch(() => {});
  });
});

/** A time to sleep that no other test's process has. */
function nap(number: number): string {
  return `${process.pid}${number}`;
}

function processesOf(number: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${nap(number)}\0`;
    } catch {
      return false;
    }
  });
}

describe('the network of a sandbox', () => {
  test('is the default bridge with names and an address', async () => {
    const extraHosts = ['db:10.0.0.1', 'me:host-gateway'];
    const script = 'ip -o -4 addr show eth0; cat /etc/hosts; cat /etc/resolv.conf; ping -c 1 -w 5 me';
    const { stdout, exitCode } = await runOnce(script, { network: 'default', extraHosts });
    const [, address] = /inet ([0-9.]+)\//.exec(stdout) ?? [];
    expect(stdout).toContain(`${address}\tsandbox\n`);
    expect(stdout).toContain('10.0.0.1\tdb\n');
    expect(stdout).toContain('nameserver ');
    expect(stdout).toContain('1 packets received');
    expect(exitCode).toBe(0);
  });

  test('is nothing but loopback, or the host itself', async () => {
    expect((await runOnce('ls /sys/class/net', { network: 'none' })).stdout).toBe('lo\n');
    const { stdout } = await runOnce('readlink /proc/self/ns/net', { network: 'host' });
    expect(stdout.trim()).toBe(readlinkSync('/proc/self/ns/net'));
  });

  test("is a running container's", async () => {
    const tar = execFileSync('tar', ['-C', join(host.home, 'busybox'), '-c', '.'], { maxBuffer: 64 << 20 });
    async function* archive(): AsyncGenerator<Uint8Array> {
      yield tar;
    }
    const { images, containers } = host.parts;
    await images.import(host.context, archive(), {
      ...{ reference: 'busybox', message: '', changes: [], platform: undefined, source: '-' },
    });
    const { id } = await containers.create(host.context, {
      ...{ name: 'peer', platform: '', networking: null },
      config: { ...ContainerConfig.zero(), Image: 'busybox', Cmd: ['sleep', '1000'], Hostname: 'peer' },
      hostConfig: HostConfig.zero(),
    });
    const network = { container: 'peer' };
    await expect(runOnce('true', { network })).rejects.toThrow(
      'cannot join network namespace of a non running container',
    );
    await containers.start(host.context, id);
    try {
      const { stdout } = await runOnce('hostname; ip -o -4 addr show eth0; cat /etc/hosts', { network });
      const address = Object.values(containers.get(id).networks)[0]?.endpoint?.ipv4Address;
      expect(stdout).toStartWith('peer\n');
      expect(stdout).toContain(`inet ${address}/`);
      expect(stdout).toContain(`${address}\tpeer`);
    } finally {
      await containers.remove(host.context, id, { force: true, volumes: true, link: false });
    }
  });
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
    const { stdout, stderr } = await runOnce(script, { mounts });
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
    const { stdout } = await runOnce(script, { mounts });
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
    const mounts = [secretAt('/run/secrets/deep/word', 'x'), bindAt('/opt/cache/x'), bindAt('/var/cache')];
    await run(sandbox, 'true', { mounts });
    expect(await changed(sandbox)).toEqual([]);
  });

  test('holds what came to be beside mount points', async () => {
    await using sandbox = await host.open();
    await run(sandbox, 'echo 1 >/opt/real', { mounts: [bindAt('/opt/cache/x'), bindAt('/var/a/b')] });
    expect(await changed(sandbox)).toEqual(['opt/', 'opt/real']);
  });

  test('finds mount points behind links', async () => {
    const linked = await host.layer([{ type: 'symlink', name: 'alias', linkName: '/var' }]);
    await using sandbox = await host.open(host.busybox, linked);
    await run(sandbox, 'true', { mounts: [bindAt('/alias/x/y')] });
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
    await run(sandbox, 'true', { mounts: [bindAt('/opt/cache'), secretAt('/opt/secret', 'x')] });
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
    await expect(runOnce('true', { mounts: [bindAt(target)] })).rejects.toThrow(StartError);
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
      await expect(runOnce('true', { mounts })).rejects.toThrow(StartError);
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
    const { stdout } = await runOnce('cat /one/../* 2>/dev/null; ls /one /two', { mounts });
    expect(stdout).toContain('/one\n/two\n');
    const [only] = mounts;
    const script = 'find / -xdev -name "[0-9]" ; cat /proc/self/mountinfo';
    const seen = await runOnce(script, { mounts: only === undefined ? [] : [only] });
    expect(seen.stdout).not.toContain('second');
  });
});

describe('a daemon that ends', () => {
  test('takes its sandboxes along', async () => {
    const started = Promise.withResolvers<void>();
    const sandbox = await host.open();
    const running = run(sandbox, `echo; sleep ${nap(1006)}`, { onOutput: () => started.resolve() });
    running.catch(() => {});
    await started.promise;
    await host.sandboxes.shutdown();
    await expect(running).rejects.toThrow('the sandbox is being removed');
    expect(processesOf(1006)).toEqual([]);
    expect(host.leftovers()).toEqual([]);
    await expect(host.open()).rejects.toThrow('the daemon is shutting down');
    await sandbox[Symbol.asyncDispose]();
    await host.reopen();
  });
});

describe('a killed daemon', () => {
  test('leaves nothing of its sandboxes once the next has started', async () => {
    const sandbox = await host.open();
    const started = Promise.withResolvers<void>();
    const mounts: SandboxMount[] = [
      { type: 'layers', layers: [host.busybox], path: '/', target: '/w', readOnly: false },
    ];
    const network = 'default';
    const onOutput = () => started.resolve();
    const script = `sleep ${nap(1005)} & until grep -q ^sleep /proc/$!/cmdline; do :; done; echo; wait`;
    const lost = run(sandbox, script, { mounts, network, onOutput }).catch(() => {});
    await host.open();
    await started.promise;
    expect(processesOf(1005)).toHaveLength(1);
    await host.reopen();
    await lost;
    expect(processesOf(1005)).toEqual([]);
    expect(host.leftovers()).toEqual([]);
    const { stdout } = await runOnce('ip -o -4 addr show eth0', { network });
    expect(stdout).toContain('.0.2/');
  });
});

test('sandboxes leave nothing behind', () => {
  expect(host.leftovers()).toEqual([]);
  expect(hexOf(host.busybox)).toHaveLength(64);
});
