import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '../oci/capabilities.ts';
import { ALL_DEVICES_RULE, defaultMounts } from '../oci/defaults.ts';
import { defaultSeccompProfile } from '../oci/seccomp-default.ts';
import { capabilityMask } from './capabilities.ts';
import { architectureNamed, nativeArchitecture } from './seccomp/architectures.ts';
import { compileSeccomp } from './seccomp/compile.ts';
import { TestHost } from './testing/host.ts';
import { runFilter } from './testing/seccomp-interpreter.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.open();
});
afterAll(() => host[Symbol.asyncDispose]());

/** Files that only the container's own procfs has, or that say how its mounts are. */
async function mountTable(): Promise<Map<string, string>> {
  const text = await host.shell('cat /proc/mounts');
  return new Map(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [, target = '', type, options] = line.split(' ');
        return [target, `${type} ${options}`];
      }),
  );
}

describe('the mounts of a container', () => {
  test("are Docker's", async () => {
    const table = await mountTable();
    expect(table.get('/')).toStartWith('overlay rw,relatime,');
    expect(table.get('/proc')).toBe('proc rw,nosuid,nodev,noexec,relatime');
    expect(table.get('/dev')).toBe('tmpfs rw,nosuid,size=65536k,mode=755');
    expect(table.get('/dev/pts')).toBe('devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666');
    expect(table.get('/sys')).toBe('sysfs ro,nosuid,nodev,noexec,relatime');
    expect(table.get('/sys/fs/cgroup')).toMatch(/^(tmpfs|cgroup2) ro,nosuid,nodev,noexec,relatime/);
    expect(table.get('/dev/mqueue')).toBe('mqueue rw,nosuid,nodev,noexec,relatime');
    expect(table.get('/dev/shm')).toBe('tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k');
    for (const path of ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys']) {
      expect(table.get(path)).toBe('proc ro,nosuid,nodev,noexec,relatime');
    }
  });

  test('hide what Docker hides', async () => {
    const script =
      'cat /proc/keys /proc/timer_list /proc/interrupts; ls -A /proc/acpi /sys/firmware | grep -v :';
    expect((await host.shell(script)).trim()).toBe('');
  });

  test('of the control groups show this container alone', async () => {
    if (host.runtime.capabilities.cgroupVersion === 2) return;
    const output = await host.shell('cat /sys/fs/cgroup/pids/cgroup.procs; mkdir /sys/fs/cgroup/pids/x');
    expect(output).toStartWith('1\n');
    expect(output).toContain('Read-only file system');
  });

  test('bind a directory read-only with everything below it', async () => {
    const mounts = [
      ...defaultMounts(),
      { destination: '/data/in', type: 'bind', source: '/proc', options: ['rbind', 'rro', 'rprivate'] },
      { destination: '/file', type: 'bind', source: '/etc/hostname', options: ['rbind', 'ro', 'rprivate'] },
    ];
    const output = await host.shell('grep " /data/in" /proc/mounts; echo x > /file; cat /file', {
      spec: { mounts },
    });
    expect(output).toMatch(/\/data\/in proc ro,/);
    expect(output).toContain('Read-only file system');
  });

  test('may be shared with the host, without showing it the root', async () => {
    const source = `${host.directory}/shared`;
    const run = (...command: string[]): boolean => Bun.spawnSync(command).success;
    expect(run('mkdir', source)).toBe(true);
    expect(run('mount', '--bind', source, source)).toBe(true);
    try {
      expect(run('mount', '--make-shared', source)).toBe(true);
      expect(run('mkdir', `${source}/inner`)).toBe(true);
      expect(run('mount', '-t', 'tmpfs', 'inner', `${source}/inner`)).toBe(true);
      const mounts = [
        ...defaultMounts(),
        { destination: '/shared', type: 'bind', source, options: ['rbind', 'rshared'] },
      ];
      const output = await host.shell('grep " /shared " /proc/self/mountinfo', {
        spec: { mounts },
        linux: { rootfsPropagation: 'shared' },
      });
      expect(output).toContain('shared:');
      const mounted = readFileSync('/proc/self/mounts', 'utf8').split('\n');
      const ours = mounted.filter((line) => line.includes(host.directory));
      expect(ours.filter((line) => line.includes('/merged'))).toEqual([]);
      expect(ours.join('\n')).toContain(`${source}/inner`);
    } finally {
      expect(run('umount', '-R', source)).toBe(true);
    }
  });

  test('that the kernel cannot make are told in its words', async () => {
    const mount = { destination: '/t', type: 'tmpfs', source: 'tmpfs', options: ['size=much'] };
    const started = host.run(['true'], { spec: { mounts: [...defaultMounts(), mount] } });
    await expect(started).rejects.toThrow(/invalid argument \(.*Bad value for 'size'/);
  });

  test('over a part of /proc are refused', async () => {
    const mount = { destination: '/proc/x', type: 'tmpfs', source: 'tmpfs', options: [] };
    const started = host.run(['true'], { spec: { mounts: [...defaultMounts(), mount] } });
    await expect(started).rejects.toThrow('"/proc/x" cannot be mounted because it is inside /proc');
  });

  test('are writable below a read-only root', async () => {
    const script = 'echo a > /dev/shm/x && cat /dev/shm/x; echo b > /x';
    const output = await host.shell(script, { spec: { root: { path: '/', readonly: true } } });
    expect(output).toStartWith('a\n');
    expect(output).toContain('/x: Read-only file system');
  });
});

describe('the devices of a container', () => {
  test('are nodes for everybody and the usual links', async () => {
    const output = await host.shell(
      "cd /dev; stat -c '%n %F %a %t:%T' null zero full random urandom tty; ls -l",
    );
    for (const [name, number] of [
      ['null', '1:3'],
      ['zero', '1:5'],
      ['full', '1:7'],
      ['random', '1:8'],
      ['urandom', '1:9'],
      ['tty', '5:0'],
    ]) {
      expect(output).toContain(`${name} character special file 666 ${number}`);
    }
    expect(output).toContain('ptmx -> pts/ptmx');
    expect(output).toContain('fd -> /proc/self/fd');
    expect(output).toContain('stderr -> /proc/self/fd/2');
  });

  test('can be made but not opened unless allowed', async () => {
    const output = await host.shell(
      'mknod /tmp/mem c 1 1 && head -c 1 /tmp/mem; head -c 1 /dev/zero | wc -c',
    );
    expect(output).toContain('1\n');
    expect(output).toContain('head: /tmp/mem: Operation not permitted');
  });

  test('can all be opened when all are allowed', async () => {
    // The fuse device: denied by default, harmless, and where the kernel lacks it the error is another one.
    const script = 'mknod /tmp/fuse c 10 229; : < /tmp/fuse';
    expect(await host.shell(script)).toContain('Operation not permitted');
    const linux = { resources: { devices: [ALL_DEVICES_RULE] } };
    expect(await host.shell(script, { linux })).not.toContain('Operation not permitted');
  });
});

describe('the privileges of a process', () => {
  const status = 'grep -E "^(Cap|NoNewPrivs|Seccomp:|Uid|Gid|Groups)" /proc/self/status';

  test("are Docker's default capabilities", async () => {
    const mask = capabilityMask(DEFAULT_CAPABILITIES).toString(16).padStart(16, '0');
    expect(mask).toBe('00000000a80425fb');
    const output = await host.shell(status);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) expect(output).toContain(`${set}:\t${mask}`);
    for (const set of ['CapInh', 'CapAmb']) expect(output).toContain(`${set}:\t0000000000000000`);
    expect(output).toContain('NoNewPrivs:\t0');
    expect(output).toContain('Seccomp:\t2');
  });

  test('of a user are the bounding set and the ambient one only', async () => {
    const names = ['CAP_NET_BIND_SERVICE', 'CAP_CHOWN'];
    const sets = {
      bounding: names,
      effective: names,
      permitted: names,
      inheritable: names,
      ambient: names.slice(0, 1),
    };
    const output = await host.shell(status, {
      process: { user: { uid: 0, gid: 0, username: 'ann' }, capabilities: sets, noNewPrivileges: true },
    });
    expect(output).toContain('CapEff:\t0000000000000400');
    expect(output).toContain('CapBnd:\t0000000000000401');
    expect(output).toContain('NoNewPrivs:\t1');
    expect(output).toContain('Uid:\t1000\t1000\t1000\t1000');
    expect(output).toContain('Groups:\t50 1000');
  });

  test.each([
    ['ann', ['extra', '77'], 'uid=1000(ann) gid=1000(ann) groups=50(staff),60(extra),77,1000(ann)'],
    ['ann:staff', [], 'uid=1000(ann) gid=50(staff) groups=50(staff)'],
    ['4711', [], 'uid=4711 gid=0(root) groups=0(root)'],
    ['4711:4712', [], 'uid=4711 gid=4712 groups=4712'],
  ])(
    'of user %s with groups %p are those of the files in the container',
    async (username, additionalGroups, wanted) => {
      const user = { uid: 0, gid: 0, username, additionalGroups };
      const output = await host.shell('id', { process: { user } });
      const sorted = (text: string): string =>
        text.replace(/groups=(.*)/, (_, list: string) => list.split(',').sort().join());
      expect(sorted(output.trim())).toBe(sorted(wanted));
    },
  );

  test('end with standard streams: no other descriptor is open', async () => {
    // The fourth is how `ls` reads the directory.
    expect((await host.run(['ls', '/proc/self/fd'])).stdout).toBe('0\n1\n2\n3\n');
  });

  test('reach no file of the host through standard input', async () => {
    const devices = "stat -c '%d' /dev; stat -Lc '%d' /proc/self/fd/0";
    const [own, input] = (await host.shell(devices)).trim().split('\n');
    expect(input).toBe(own);
  });

  test('cannot be raised by a system call that the profile forbids', async () => {
    const native = nativeArchitecture(process.arch);
    const table = architectureNamed(native?.name ?? '');
    if (native === undefined || table === undefined) throw new Error('unknown architecture');
    const subject = {
      native,
      capabilities: new Set(DEFAULT_CAPABILITIES),
      kernelVersion: host.runtime.capabilities.kernelVersion,
    };
    const filter = compileSeccomp(defaultSeccompProfile, subject);
    // The kernel lets no filter have a say about the calls of its own probes.
    const { uprobe: _, uretprobe: __, ...calls } = table.syscalls;
    const forbidden = Object.values(calls).flatMap((number) => {
      const verdict = runFilter(filter, table.audit, number, []);
      return verdict >>> 16 === 0x5 ? [`${number} ${verdict & 0xffff}`] : [];
    });
    expect(forbidden.length).toBeGreaterThan(40);
    compileProbe(`${host.directory}/root/probe`);
    const numbers = forbidden.map((line) => line.split(' ')[0] ?? '');
    const { stdout } = await host.run(['/probe', ...numbers]);
    expect(stdout.trim().split('\n')).toEqual(forbidden);
  });
});

function compileProbe(output: string): void {
  const source = new URL('./testing/probe.c', import.meta.url).pathname;
  const result = Bun.spawnSync(['cc', '-static', '-o', output, source]);
  if (!result.success) throw new Error(result.stderr.toString());
  chmodSync(output, 0o755);
}

describe('the names and kernel settings of a container', () => {
  test('are its own', async () => {
    const linux = { sysctl: { 'net.ipv4.ip_unprivileged_port_start': '0', 'kernel.shm_rmid_forced': '1' } };
    const script =
      'hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced';
    const output = await host.shell(script, { linux, spec: { domainname: 'example.org' } });
    expect(output).toBe('box\nexample.org\n0\n1\n');
  });

  test('of the host stay out of reach', async () => {
    const started = host.run(['true'], { linux: { sysctl: { 'kernel.panic': '1' } } });
    await expect(started).rejects.toThrow('sysctl "kernel.panic" is not in a separate kernel namespace');
  });

  test('include limits and the out-of-memory score', async () => {
    const process = { rlimits: [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 200 }], oomScoreAdj: 321 };
    expect(await host.shell('ulimit -Sn; ulimit -Hn; umask; cat /proc/self/oom_score_adj', { process })).toBe(
      '100\n200\n0022\n321\n',
    );
  });
});

test('a privileged container sees and may do everything', async () => {
  const available = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`);
  const names = CAPABILITIES.filter((name) => (capabilityMask([name]) & available) !== 0n);
  const wishes = {
    process: {
      capabilities: { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] },
    },
    spec: {
      mounts: defaultMounts().map((mount) => ({
        ...mount,
        options: mount.options.filter((o) => o !== 'ro'),
      })),
    },
    bundle: {},
  };
  const bundle = host.bundle(
    ['sh', '-c', 'mount -t tmpfs none /tmp && echo 1 > /proc/sys/vm/stat_refresh; ls /proc/acpi'],
    wishes,
  );
  const { seccomp: _, ...linux } = { ...bundle.spec.linux, maskedPaths: [], readonlyPaths: [] };
  const output = await host.run([], { bundle: { ...bundle, spec: { ...bundle.spec, linux } } });
  expect(output.exit.code).toBe(existsSync('/proc/acpi') ? 0 : 1);
  expect(output.stdout).not.toContain('Read-only');
});
