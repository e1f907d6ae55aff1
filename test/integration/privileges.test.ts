import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** What a container's process may do: capabilities, users, seccomp, limits of the process. */

let daemon: TestDaemon;
let forbiddenCalls: string;

beforeAll(async () => {
  forbiddenCalls = buildStaticProgram('forbidden-calls');
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

function run(...args: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...args]);
}

/** Fields of /proc/self/status. */
function statusOf(...flags: string[]): Record<string, string> {
  const { stdout } = run(...flags, 'busybox', 'cat', '/proc/self/status');
  return Object.fromEntries(stdout.split('\n').map((line) => line.split(/:\s*/, 2)));
}

const own = readFileSync('/proc/self/status', 'utf8');
/** Whatever a daemon with fewer than all capabilities could give away. */
const everything = /^CapBnd:\s*(\w+)/m.exec(own)?.[1] ?? '';
const NOTHING = '0'.repeat(16);
const DEFAULT = '00000000a80425fb';

function without(mask: string, bit: number): string {
  return (BigInt(`0x${mask}`) & ~(1n << BigInt(bit))).toString(16).padStart(16, '0');
}

const AUDIT_READ = 37;

describe('the capabilities of a container', () => {
  test.each<[string, string[], string]>([
    ['by default', [], DEFAULT],
    [
      'with one added and one dropped',
      ['--cap-add', 'net_admin', '--cap-drop', 'CAP_CHOWN'],
      '00000000a80435fa',
    ],
    ['with all dropped', ['--cap-drop', 'ALL'], NOTHING],
    ['with all dropped but one', ['--cap-drop', 'all', '--cap-add', 'kill'], '0000000000000020'],
    [
      'with all added but one',
      ['--cap-add', 'ALL', '--cap-drop', 'AUDIT_READ'],
      without(everything, AUDIT_READ),
    ],
    ['when privileged', ['--privileged'], everything],
  ])('%s are bounding, permitted and effective', (_, flags, mask) => {
    expect(statusOf(...flags)).toMatchObject({
      CapBnd: mask,
      CapPrm: mask,
      CapEff: mask,
      CapInh: NOTHING,
      CapAmb: NOTHING,
    });
  });

  test('of another user than root are bounding only, and grow back for nobody with no-new-privileges', () => {
    expect(statusOf('-u', 'www-data', '--cap-add', 'SYS_ADMIN')).toMatchObject({
      CapBnd: '00000000a82425fb',
      CapPrm: NOTHING,
      CapEff: NOTHING,
      CapInh: NOTHING,
      CapAmb: NOTHING,
      NoNewPrivs: '0',
    });
    expect(statusOf('-u', 'www-data', '--security-opt', 'no-new-privileges').NoNewPrivs).toBe('1');
    expect(statusOf('--security-opt', 'no-new-privileges:false').NoNewPrivs).toBe('0');
  });

  test('decide what works', () => {
    const script = 'chown 5 /tmp && echo chown; ip link set lo down && echo down';
    expect(run('busybox', 'sh', '-c', script).stdout).toBe('chown\n');
    expect(run('--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN', 'busybox', 'sh', '-c', script).stdout).toBe(
      'down\n',
    );
  });

  test('that do not exist are refused', () => {
    const { status, stderr } = run('--cap-add', 'NOPE', 'busybox', 'true');
    expect(status).toBe(125);
    expect(stderr).toContain('invalid CapAdd: unknown capability: "CAP_NOPE"');
  });
});

/** Calls by name with the error that each ended with, "ok" for none. */
function attempts(...flags: string[]): Map<string, string> {
  const { stdout } = run(...flags, '-v', `${forbiddenCalls}:/calls:ro`, 'busybox', '/calls');
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
}

function refused(calls: ReadonlyMap<string, string>): string[] {
  return [...calls].filter(([, error]) => error === 'EPERM').map(([name]) => name);
}

const x86 = process.arch === 'x64';

/** What the profile forbids even to those who hold every capability. */
const FORBIDDEN_TO_ALL = [
  ...['add_key', 'kexec_load', 'keyctl', 'personality_other', 'pivot_root', 'request_key', 'socket_alg'],
  ...['socket_vsock', 'swapoff', 'swapon', 'userfaultfd', ...(x86 ? ['sysfs', 'ustat'] : [])],
];

const NEEDING_OTHER_CAPABILITIES = [
  ...['acct', 'clock_settime', 'delete_module', 'finit_module', 'init_module', 'open_by_handle_at', 'reboot'],
  ...['settimeofday', 'syslog', ...(x86 ? ['ioperm', 'iopl'] : [])],
];

const NEEDING_SYS_ADMIN = [
  ...[
    'bpf',
    'clone_new_net',
    'clone_new_user',
    'fsopen',
    'mount',
    'mount_setattr',
    'move_mount',
    'open_tree',
  ],
  ...['perf_event_open', 'quotactl', 'setns', 'umount2', 'unshare_mount', 'unshare_user'],
];

describe('system calls', () => {
  test("are forbidden as by Docker's default profile", () => {
    const calls = attempts();
    expect(refused(calls).toSorted()).toEqual(
      [...FORBIDDEN_TO_ALL, ...NEEDING_OTHER_CAPABILITIES, ...NEEDING_SYS_ADMIN].toSorted(),
    );
    // The C library then falls back to clone, whose flags a filter can look at.
    expect(calls.get('clone3')).toBe('ENOSYS');
    expect(calls.get('socket_inet')).toBe('ok');
    expect(calls.get('personality_linux')).toBe('ok');
    expect(calls.get('ptrace')).toBe('ESRCH');
  });

  test('are opened by --cap-add SYS_ADMIN, but for those that need another capability', () => {
    const calls = attempts('--cap-add', 'SYS_ADMIN');
    // Older kernels take this capability for CAP_SYSLOG, too.
    calls.delete('syslog');
    const others = NEEDING_OTHER_CAPABILITIES.filter((name) => name !== 'syslog');
    expect(refused(calls).toSorted()).toEqual([...FORBIDDEN_TO_ALL, ...others].toSorted());
    expect(calls.get('clone3')).not.toBe('ENOSYS');
    expect(calls.get('unshare_mount')).toBe('ok');
  });

  test('are opened by --cap-add ALL, but for those that the profile never allows', () => {
    expect(refused(attempts('--cap-add', 'ALL')).toSorted()).toEqual(FORBIDDEN_TO_ALL.toSorted());
  });

  test.each([
    [
      'seccomp=unconfined with every capability',
      ['--cap-add', 'ALL', '--security-opt', 'seccomp=unconfined'],
    ],
    ['--privileged', ['--privileged']],
  ])('are all open with %s', (_, flags) => {
    expect(refused(attempts(...flags))).toEqual([]);
    expect(statusOf(...flags).Seccomp).toBe('0');
  });

  test('follow a profile of one’s own', () => {
    const file = join(daemon.home, 'profile.json');
    const rules = [
      { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
      { names: ['sethostname'], action: 'SCMP_ACT_KILL_PROCESS' },
      { names: ['socket'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 2, op: 'SCMP_CMP_EQ' }] },
    ];
    writeFileSync(file, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }));
    const script = 'mkdir /x; hostname y; echo $?; ping -c 1 127.0.0.1';
    const { stdout, stderr } = run('--security-opt', `seccomp=${file}`, 'busybox', 'sh', '-c', script);
    expect(stderr).toContain("can't create directory '/x': No space left on device");
    expect(stdout).toContain('159\n');
    expect(stderr).toMatch(/Operation not permitted|permission denied/);
    expect(refused(attempts('--cap-add', 'ALL', '--security-opt', `seccomp=${file}`))).toEqual([
      'socket_inet',
    ]);
  });

  test('of a profile that cannot be read fail the start', () => {
    const { status, stderr } = run('--security-opt', 'seccomp=/nonexistent', 'busybox', 'true');
    expect(status).not.toBe(0);
    expect(stderr).toContain('opening seccomp profile (/nonexistent) failed');
  });

  test('of an exec are forbidden as those of the container', () => {
    const id = daemon.sampan('run', '-d', '-v', `${forbiddenCalls}:/calls:ro`, 'busybox', 'sleep', '600');
    const inside = daemon.sampan('exec', id, '/calls');
    expect(inside).toContain('clone3 ENOSYS');
    expect(inside).toContain('mount EPERM');
    expect(daemon.sampan('exec', id, 'grep', 'CapEff', '/proc/self/status')).toContain(DEFAULT);
    const privileged = daemon.sampan('exec', '--privileged', id, 'grep', 'CapEff', '/proc/self/status');
    expect(privileged).toContain(everything);
    daemon.sampan('rm', '-f', id);
  });
});

describe('the process', () => {
  test('has the supplementary groups of --group-add', () => {
    const { stdout } = run('-u', '33', '--group-add', 'audio', '--group-add', '1234', 'busybox', 'id', '-G');
    expect(new Set(stdout.trim().split(' '))).toEqual(new Set(['33', '29', '1234']));
    const unknown = run('--group-add', 'nope', 'busybox', 'true');
    expect(unknown.stderr.toLowerCase()).toContain(
      'unable to find group nope: no matching entries in group file',
    );
  });

  test('has the limits of --ulimit, which hold', () => {
    const flags = ['--ulimit', 'nofile=20:30', '--ulimit', 'fsize=1000', '--ulimit', 'core=0'];
    const script = 'ulimit -Sn; ulimit -Hn; ulimit -c; head -c 5000 /dev/zero >/tmp/x; wc -c </tmp/x';
    expect(run(...flags, 'busybox', 'sh', '-c', script).stdout).toBe('20\n30\n0\n1000\n');
    expect(run('--ulimit', 'nofile=30:20', 'busybox', 'true').status).toBe(125);
  });

  test('has the out-of-memory score that was asked for', () => {
    expect(run('busybox', 'cat', '/proc/self/oom_score_adj').stdout).toBe('0\n');
    expect(run('--oom-score-adj', '500', 'busybox', 'cat', '/proc/self/oom_score_adj').stdout).toBe('500\n');
    const { status, stderr } = run('--oom-score-adj', '5000', 'busybox', 'true');
    expect(status).toBe(125);
    expect(stderr).toContain('[-1000, 1000]');
  });

  test('has the mask 0022, the environment of Docker and nothing of the daemon’s', () => {
    const { stdout } = run('-h', 'box', 'busybox', 'sh', '-c', 'umask; env | sort');
    expect(stdout.split('\n').filter((line) => !/^(PWD|SHLVL)=/.test(line))).toEqual([
      ...['0022', 'HOME=/root', 'HOSTNAME=box'],
      ...['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ''],
    ]);
  });

  test('is PID 1, or a child of the init that --init puts there', () => {
    expect(run('busybox', 'sh', '-c', 'echo $$; cat /proc/1/cmdline; true').stdout).toStartWith(
      '1\nsh\0-c\0',
    );
    const { stdout } = run(
      '--init',
      'busybox',
      'sh',
      '-c',
      'echo $$; cat /proc/1/cmdline; grep -c docker-init /proc/mounts',
    );
    expect(stdout).not.toStartWith('1\n');
    expect(stdout).toContain('/sbin/docker-init\0--\0sh\0');
    expect(stdout).toEndWith('1\n');
  });
});
