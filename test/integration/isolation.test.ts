import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cgroupVersion, TestDaemon } from '../fixtures/test-daemon.ts';

/** What a container sees, and what it may touch: as with Docker 28, on either cgroup version. */

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** Runs a shell script in a fresh container of busybox; what it printed on both streams. */
function shell(script: string, ...flags: string[]): string {
  const { stdout, stderr } = daemon.run('sampan', ['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
  return `${stdout}${stderr}`;
}

/** The options of every mount by its target, the last one on top counting; without what depends on how the kernel was built. */
function mountTable(...flags: string[]): Map<string, string> {
  const lines = shell('cat /proc/mounts', ...flags)
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return new Map(
    lines.map(([, target = '', type, options = '']) => [
      target,
      `${type} ${options.replace(',inode64', '')}`,
    ]),
  );
}

describe('the mounts of a container', () => {
  const kernelFiles = 'nosuid,nodev,noexec,relatime';

  test("are Docker's", () => {
    const table = mountTable();
    expect(table.get('/')).toStartWith('overlay rw,relatime,lowerdir=');
    expect(Object.fromEntries(table)).toMatchObject({
      '/proc': `proc rw,${kernelFiles}`,
      '/dev': 'tmpfs rw,nosuid,size=65536k,mode=755',
      '/dev/pts': 'devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666',
      '/sys': `sysfs ro,${kernelFiles}`,
      '/dev/mqueue': `mqueue rw,${kernelFiles}`,
      '/dev/shm': `tmpfs rw,${kernelFiles},size=65536k`,
      '/proc/bus': `proc ro,${kernelFiles}`,
      '/proc/fs': `proc ro,${kernelFiles}`,
      '/proc/irq': `proc ro,${kernelFiles}`,
      '/proc/sys': `proc ro,${kernelFiles}`,
      '/proc/keys': 'tmpfs rw,nosuid,size=65536k,mode=755',
      '/etc/hosts': expect.stringMatching(/^\S+ rw,/),
      '/etc/hostname': expect.stringMatching(/^\S+ rw,/),
      '/etc/resolv.conf': expect.stringMatching(/^\S+ rw,/),
    });
  });

  test('of control groups are read-only and show the container alone', () => {
    const table = mountTable();
    if (cgroupVersion === 2) {
      expect(table.get('/sys/fs/cgroup')).toStartWith(`cgroup2 ro,${kernelFiles}`);
      expect(shell('cat /proc/self/cgroup')).toBe('0::/\n');
    } else {
      expect(table.get('/sys/fs/cgroup')).toBe(`tmpfs ro,${kernelFiles},mode=755`);
      expect(table.get('/sys/fs/cgroup/memory')).toBe(`cgroup ro,${kernelFiles},memory`);
    }
    const group = cgroupVersion === 2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';
    const output = shell(
      `cat ${group}/cgroup.procs | head -n 1; mkdir ${group}/x; echo 1 >${group}/pids.max`,
    );
    expect(output).toStartWith('1\n');
    expect(output.match(/Read-only file system/g)).toHaveLength(2);
  });

  test('hide what tells of the host, and keep the rest of the kernel’s files unwritable', () => {
    const hidden =
      'cat /proc/keys /proc/timer_list /proc/interrupts /proc/kcore 2>/dev/null; ls -A /proc/acpi /sys/firmware /proc/scsi 2>/dev/null | grep -v ":$"';
    expect(shell(hidden).trim()).toBe('');
    const output = shell('echo 1 >/proc/sys/kernel/panic; chmod 700 /sys/kernel');
    expect(output.match(/Read-only file system/g)).toHaveLength(2);
    expect(shell('echo b >/proc/sysrq-trigger && echo written')).not.toContain('written');
  });

  test('hide nothing with systempaths=unconfined, but /sys stays read-only', () => {
    const table = mountTable('--security-opt', 'systempaths=unconfined');
    for (const path of ['/proc/keys', '/proc/sys', '/proc/bus', '/proc/acpi'])
      expect(table.has(path)).toBe(false);
    expect(table.get('/sys')).toStartWith('sysfs ro,');
  });

  test('are all read-only with --read-only, but those of the kernel', () => {
    const table = mountTable('--read-only');
    for (const path of ['/', '/sys', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf']) {
      expect(table.get(path)).toMatch(/^\S+ ro,/);
    }
    for (const path of ['/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue']) {
      expect(table.get(path)).toMatch(/^\S+ rw,/);
    }
    expect(shell('echo a >/dev/shm/x && cat /dev/shm/x; echo b >/etc/hosts', '--read-only')).toMatch(
      /^a\n.*Read-only file system/,
    );
  });

  test('include a tmpfs with the options that were asked for, of that size', () => {
    expect(mountTable('--tmpfs', '/t').get('/t')).toBe(`tmpfs rw,${kernelFiles}`);
    const flags = ['--tmpfs', '/t:exec,size=1m,mode=700,uid=5'];
    expect(mountTable(...flags).get('/t')).toBe('tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700,uid=5');
    expect(shell('dd if=/dev/zero of=/t/x bs=1M count=2; ls -ld /t', ...flags)).toMatch(
      /drwx------ .* 5 .*No space left on device/s,
    );
    expect(shell('ls -ld /t', '--tmpfs', '/t')).toStartWith('drwxrwxrwt');
  });

  test('give shared memory the size that was asked for', () => {
    expect(mountTable('--shm-size', '1m').get('/dev/shm')).toEndWith('size=1024k');
    expect(shell('dd if=/dev/zero of=/dev/shm/x bs=1M count=2', '--shm-size', '1m')).toContain(
      'No space left',
    );
  });
});

describe('the devices of a container', () => {
  test('are those of Docker', () => {
    const nodes = shell('cd /dev; stat -c "%n %a %t:%T" null zero full random urandom tty pts/ptmx; ls -l')
      .replaceAll(/ {2,}/g, ' ')
      .split('\n');
    expect(nodes.slice(0, 7)).toEqual([
      ...['null 666 1:3', 'zero 666 1:5', 'full 666 1:7', 'random 666 1:8', 'urandom 666 1:9'],
      ...['tty 666 5:0', 'pts/ptmx 666 5:2'],
    ]);
    const names = nodes
      .slice(7)
      .flatMap((line) => / (\S+)(?: -> (\S+))?$/.exec(line)?.slice(1, 3).join(' ') ?? []);
    expect(names.filter((name) => !/^(core|0) /.test(name))).toEqual([
      ...['fd /proc/self/fd', 'full ', 'mqueue ', 'null ', 'ptmx pts/ptmx', 'pts ', 'random ', 'shm '],
      ...['stderr /proc/self/fd/2', 'stdin /proc/self/fd/0', 'stdout /proc/self/fd/1'],
      ...['tty ', 'urandom ', 'zero '],
    ]);
  });

  /** Makes nodes and opens them: memory, the kernel's log, a disk, fuse. */
  const open = (numbers: string) =>
    `mknod /tmp/x ${numbers} && (: </tmp/x) 2>&1 && echo readable; (: >/tmp/x) 2>&1 && echo writable`;

  test.each(['c 1 1', 'c 1 11', 'c 10 229', 'b 7 0', 'b 8 0', 'c 4 64'])(
    'cannot be opened by making a node for %s',
    (numbers) => {
      const output = shell(open(numbers));
      expect(output.match(/Operation not permitted/g)).toHaveLength(2);
      expect(output).not.toMatch(/able/);
    },
  );

  test.each(['c 1 3', 'c 1 5', 'c 1 9'])(
    'can be opened by another node for %s, which all may use',
    (numbers) => {
      expect(shell(open(numbers))).toBe('readable\nwritable\n');
    },
  );

  test('cannot be made without the capability', () => {
    expect(shell('mknod /tmp/x c 1 3', '--cap-drop', 'MKNOD')).toContain('Operation not permitted');
  });

  test('are given one by one with --device, with the access asked for', () => {
    const both = shell('ls -l /dev/port; (: </dev/port) && echo readable', '--device', '/dev/zero:/dev/port');
    expect(both).toMatch(/^crw-rw-rw- .* 1, +5 .* \/dev\/port\nreadable\n$/);
    const script = `ls /dev/inner/log && (: </dev/inner/log) && echo readable; (: >/dev/inner/log) && echo writable`;
    const output = shell(script, '--device', '/dev/kmsg:/dev/inner/log:r', '--cap-add', 'SYSLOG');
    expect(output).toStartWith('/dev/inner/log\nreadable\n');
    expect(output).toContain('Operation not permitted');
  });

  test('that the host does not have fail the start', () => {
    const { status, stderr } = daemon.run('sampan', [
      'run',
      '--rm',
      '--device',
      '/dev/nope',
      'busybox',
      'true',
    ]);
    expect(status).toBe(127);
    expect(stderr).toContain(
      'error gathering device information while adding custom device "/dev/nope": no such file or directory',
    );
  });

  test('are opened by rule with --device-cgroup-rule', () => {
    const rule = ['--device-cgroup-rule', 'c 1:11 r', '--cap-add', 'SYSLOG'];
    const output = shell(open('c 1 11'), ...rule);
    expect(output).toContain('readable');
    expect(output).not.toContain('writable');
    const bad = daemon.run('sampan', ['run', '--rm', '--device-cgroup-rule', 'x 1:1 r', 'busybox', 'true']);
    expect(bad.status).toBe(125);
  });
});

describe('a privileged container', () => {
  test('sees the host’s devices and may open any', () => {
    const output = shell('ls /dev | wc -l; mknod /tmp/k c 1 11 && : </tmp/k && echo opened', '--privileged');
    expect(Number(output.split('\n')[0])).toBeGreaterThan(20);
    expect(output).toContain('opened');
    expect(shell('test -e /dev/kmsg && echo there', '--privileged')).toBe('there\n');
  });

  test('has nothing hidden and nothing read-only', () => {
    const table = mountTable('--privileged');
    expect([...table].filter(([, options]) => /^\S+ ro\b/.test(options))).toEqual([]);
    for (const path of ['/proc/keys', '/proc/sys', '/sys/firmware']) expect(table.has(path)).toBe(false);
    const group = cgroupVersion === 2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';
    expect(shell(`mkdir ${group}/x && rmdir ${group}/x && echo made`, '--privileged')).toBe('made\n');
  });

  test('may mount', () => {
    expect(shell('mount -t tmpfs none /tmp && echo mounted', '--privileged')).toBe('mounted\n');
    expect(shell('mount -t tmpfs none /tmp')).toMatch(/permission denied|not permitted/i);
  });
});

test('the root of a container has what Docker lays into it', () => {
  expect(shell('ls -l /.dockerenv; readlink /etc/mtab').replaceAll(/ +/g, ' ')).toMatch(
    /^-rwxr-xr-x 1 root root 0 .* \/\.dockerenv\n\/proc\/mounts\n$/,
  );
});
