import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { cgroupVersion, TestDaemon } from '../fixtures/test-daemon.ts';

/** Namespaces by every mode, and what comes with them: names, kernel settings, the files in /etc. */

let daemon: TestDaemon;
/** A running container whose namespaces others join. */
let donor: string;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  const script = 'echo hi >/dev/shm/x; exec sleep 36000';
  donor = daemon.sampan('run', '-d', '--ipc', 'shareable', '-h', 'donor-host', 'busybox', 'sh', '-c', script);
});
afterAll(() => daemon[Symbol.asyncDispose]());

function run(...args: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...args]);
}

function shell(script: string, ...flags: string[]): string {
  const { stdout, stderr } = run(...flags, 'busybox', 'sh', '-c', script);
  return `${stdout}${stderr}`;
}

const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];

/** Which of a fresh container's namespaces are the ones of `pid`. */
function sharedWith(pid: number | 'self', ...flags: string[]): string[] {
  const output = shell(KINDS.map((kind) => `readlink /proc/self/ns/${kind}`).join(';'), ...flags)
    .trim()
    .split('\n');
  return KINDS.filter((kind, index) => output[index] === readlinkSync(`/proc/${pid}/ns/${kind}`));
}

function donorPid(): number {
  return Number(daemon.sampan('inspect', '-f', '{{.State.Pid}}', donor));
}

/** On version 2 the control groups have a namespace of their own too. */
const OWN_CGROUPS = cgroupVersion === 2;
const BY_DEFAULT = OWN_CGROUPS ? ['user'] : ['cgroup', 'user'];

describe('namespaces', () => {
  test('are new but for the user namespace', () => {
    expect(sharedWith('self')).toEqual(BY_DEFAULT);
    expect(sharedWith('self', '--privileged', '--userns', 'host')).toEqual(BY_DEFAULT);
  });

  test.each([
    ['net', ['--network', 'host']],
    ['pid', ['--pid', 'host']],
    ['ipc', ['--ipc', 'host']],
    ['uts', ['--uts', 'host']],
  ])('for %s can be the host’s', (kind, flags) => {
    expect(sharedWith('self', ...flags)).toEqual([...BY_DEFAULT, kind].toSorted());
  });

  test('for control groups are chosen with --cgroupns', () => {
    expect(sharedWith('self', '--cgroupns', 'host')).toContain('cgroup');
    expect(sharedWith('self', '--cgroupns', 'private')).not.toContain('cgroup');
    expect(shell('cut -d: -f3 /proc/self/cgroup | sort -u', '--cgroupns', 'private')).toBe('/\n');
    expect(shell('cat /proc/self/cgroup', '--cgroupns', 'host')).toContain(`${daemon.cgroupParent}/`);
  });

  test.each(['net', 'pid', 'ipc'])('for %s can be another container’s', (kind) => {
    const flag = kind === 'net' ? 'network' : kind;
    expect(sharedWith(donorPid(), `--${flag}`, `container:${donor}`)).toEqual(
      [...BY_DEFAULT, kind].toSorted(),
    );
  });

  test('shared with another container show what it has', () => {
    expect(shell('ps', '--pid', `container:${donor}`)).toContain('sleep 36000');
    expect(shell('cat /dev/shm/x', '--ipc', `container:${donor}`)).toBe('hi\n');
    const address = daemon.sampan('inspect', '-f', '{{.NetworkSettings.IPAddress}}', donor);
    const network = shell(
      'hostname; ip -4 addr show eth0; tail -n 1 /etc/hosts',
      '--network',
      `container:${donor}`,
    );
    expect(network).toStartWith('donor-host\n');
    expect(network).toContain(`inet ${address}/`);
    expect(network).toEndWith(`${address}\tdonor-host\n`);
  });

  test('of a container that ended take their joiners’ processes along', () => {
    const first = daemon.sampan('run', '-d', 'busybox', 'sleep', '36000');
    const second = daemon.sampan('run', '-d', '--pid', `container:${first}`, 'busybox', 'sleep', '36000');
    daemon.sampan('rm', '-f', first);
    expect(daemon.sampan('wait', second)).toBe('137');
    daemon.sampan('rm', second);
  });

  test.each([
    ['--ipc', 'container:plain', 'non-shareable IPC (hint: use IpcMode:shareable for the donor container)'],
    ['--ipc', 'container:stopped', 'is not running'],
    ['--pid', 'container:stopped', 'is not running'],
    ['--network', 'container:stopped', 'cannot join network namespace of a non running container'],
    ['--pid', 'container:nope', 'No such container: nope'],
    ['--pid', 'bogus', '--pid: invalid PID mode'],
    ['--ipc', 'bogus', 'invalid IPC mode: bogus'],
    ['--uts', 'bogus', '--uts: invalid UTS mode'],
    ['--cgroupns', 'bogus', '--cgroupns: invalid CGROUP mode'],
  ])('that cannot be had are refused: %s %s', (flag, mode, message) => {
    if (mode === 'container:plain')
      daemon.sampan('run', '-d', '--name', 'plain', 'busybox', 'sleep', '36000');
    if (mode === 'container:stopped') daemon.sampan('create', '--name', 'stopped', 'busybox', 'true');
    const { status, stderr } = run(flag, mode, 'busybox', 'true');
    expect(status).toBeGreaterThanOrEqual(125);
    expect(stderr).toContain(message);
    if (mode.startsWith('container:')) daemon.run('sampan', ['rm', '-f', 'plain', 'stopped']);
  });

  test('for IPC can do without shared memory', () => {
    expect(shell('grep -c /dev/shm /proc/mounts', '--ipc', 'none')).toBe('0\n');
    expect(sharedWith('self', '--ipc', 'none')).toEqual(BY_DEFAULT);
  });

  test('of PIDs show the host’s processes only when they are the host’s', () => {
    const count = (...flags: string[]) => Number(shell('ls /proc | grep -c "^[0-9]"', ...flags));
    expect(count()).toBeLessThan(6);
    expect(shell(`cat /proc/${daemon.pid}/cmdline`, '--pid', 'host')).toContain('daemon');
    expect(existsSync(`/proc/${daemon.pid}`)).toBe(true);
  });
});

describe('names', () => {
  test('are the container’s ID by default', () => {
    const id = daemon.sampan('run', '-d', 'busybox', 'sleep', '36000');
    const names = daemon.sampan('exec', id, 'sh', '-c', 'hostname; cat /etc/hostname; echo $HOSTNAME');
    expect(names.split('\n')).toEqual(Array(3).fill(id.slice(0, 12)));
    daemon.sampan('rm', '-f', id);
    expect(shell('cat /proc/sys/kernel/domainname')).toBe(
      readFileSync('/proc/sys/kernel/domainname', 'utf8'),
    );
  });

  test('are those of --hostname and --domainname', () => {
    const script = 'hostname; cat /proc/sys/kernel/domainname /etc/hostname; tail -n 1 /etc/hosts | cut -f 2';
    expect(shell(script, '-h', 'my.host', '--domainname', 'example.org')).toBe(
      'my.host\nexample.org\nmy.host\nmy.host.example.org my\n',
    );
  });

  test('are the host’s with --uts host, and cannot be chosen then', () => {
    expect(shell('hostname', '--uts', 'host').trim()).toBe(
      readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(),
    );
    expect(run('--uts', 'host', '-h', 'x', 'busybox', 'true').stderr).toContain(
      'conflicting options: hostname and the UTS mode',
    );
  });
});

describe('kernel settings', () => {
  test('let everybody bind low ports and ping', () => {
    const script = 'cd /proc/sys/net/ipv4; cat ip_unprivileged_port_start ping_group_range';
    expect(shell(script).split(/\s+/).slice(0, 3)).toEqual(['0', '0', '2147483647']);
    expect(shell('httpd -p 80 && echo bound', '-u', '33', '--cap-drop', 'ALL')).toBe('bound\n');
  });

  test('of --sysctl are set in the container alone', () => {
    const names = ['net.ipv4.ip_forward', 'kernel.msgmax', 'fs.mqueue.msg_max'];
    const path = (name: string) => `/proc/sys/${name.replaceAll('.', '/')}`;
    const before = names.slice(1).map((name) => readFileSync(path(name), 'utf8'));
    const flags = names.flatMap((name, index) => ['--sysctl', `${name}=${[1, 9999, 7][index]}`]);
    expect(shell(`cat ${names.map(path).join(' ')}`, ...flags)).toBe('1\n9999\n7\n');
    expect(names.slice(1).map((name) => readFileSync(path(name), 'utf8'))).toEqual(before);
  });

  test.each([
    [['--sysctl', 'kernel.panic=1'], "sysctl 'kernel.panic=1' is not allowed"],
    [
      ['--network', 'host', '--sysctl', 'net.ipv4.ip_forward=1'],
      'sysctl "net.ipv4.ip_forward" not allowed in host network namespace',
    ],
    [
      ['--ipc', 'host', '--sysctl', 'kernel.msgmax=1'],
      'sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace',
    ],
  ])('of the host are refused: %p', (flags, message) => {
    const { status, stderr } = run(...flags, 'busybox', 'true');
    expect(status).toBe(125);
    expect(stderr).toContain(message);
  });
});

describe('/etc', () => {
  test('has hosts with the container, extra ones and the gateway', () => {
    const flags = [
      '--add-host',
      'foo:1.2.3.4',
      '--add-host',
      'six:::1',
      '--add-host',
      'gw:host-gateway',
      '-h',
      'box',
    ];
    const lines = shell('cat /etc/hosts; ip route | sed -n "s/default via \\([^ ]*\\).*/\\1/p"', ...flags)
      .trim()
      .split('\n');
    const gateway = lines.pop() ?? 'none';
    expect(lines.slice(0, 6)).toEqual([
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      'fe00::\tip6-localnet',
      'ff00::\tip6-mcastprefix',
      'ff02::1\tip6-allnodes',
      'ff02::2\tip6-allrouters',
    ]);
    expect(lines.slice(6)).toEqual([
      '1.2.3.4\tfoo',
      '::1\tsix',
      `${gateway}\tgw`,
      expect.stringMatching(/^172\.\S+\tbox$/),
    ]);
  });

  test('has a resolv.conf with what --dns, --dns-search and --dns-option say', () => {
    const flags = [
      '--dns',
      '1.2.3.4',
      '--dns',
      '5.6.7.8',
      '--dns-search',
      'a.example',
      '--dns-option',
      'ndots:3',
    ];
    const output = shell('grep -v "^#" /etc/resolv.conf | grep .', ...flags);
    expect(output).toBe('nameserver 1.2.3.4\nnameserver 5.6.7.8\nsearch a.example\noptions ndots:3\n');
    expect(shell('grep ^search /etc/resolv.conf', '--dns-search', '.')).toBe('');
    expect(run('--dns', 'bogus', 'busybox', 'true').stderr).toContain(
      'IP address is not correctly formatted: bogus',
    );
  });

  test('has files that the container may change, and that outlive its restart as Docker has it', () => {
    const script =
      'echo 9.9.9.9 mine >>/etc/hosts; echo nameserver 9.9.9.9 >>/etc/resolv.conf; grep -c 9.9.9.9 /etc/hosts /etc/resolv.conf';
    const id = daemon.sampan('run', '-d', 'busybox', 'sh', '-c', script);
    daemon.sampan('wait', id);
    daemon.sampan('start', id);
    daemon.sampan('wait', id);
    // The hosts are written anew at each start; what a container wrote into resolv.conf stays.
    expect(daemon.sampan('logs', id)).toBe(
      '/etc/hosts:1\n/etc/resolv.conf:1\n/etc/hosts:1\n/etc/resolv.conf:2',
    );
    daemon.sampan('rm', id);
  });

  test('is the host’s own on the host’s network', () => {
    const output = shell('cat /etc/hosts; hostname', '--network', 'host');
    expect(output).toBe(
      `${existsSync('/etc/hosts') ? readFileSync('/etc/hosts', 'utf8') : ''}${readFileSync('/proc/sys/kernel/hostname', 'utf8')}`,
    );
  });
});
