import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import type { Operation } from '../../src/plan/operations.ts';
import { binaries, Fixture } from './fixture.ts';

/** Docker's default capabilities. */
const dockerCapabilities = 0xa80425fb;

/** A struct sock_filter array that makes mkdir(2) fail with EXDEV and allows everything else. */
function refuseMkdir(): Uint8Array {
  const mkdir = process.arch === 'arm64' ? 34 : 83;
  const instructions: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
    [0x20, 0, 0, 0],
    [0x15, 0, 1, mkdir],
    [0x06, 0, 0, 0x00050000 | errno.EXDEV],
    [0x06, 0, 0, 0x7fff0000],
  ];
  const view = new DataView(new ArrayBuffer(instructions.length * 8));
  instructions.forEach(([code, jt, jf, value], index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

function capabilities(bounding: number, ambient = 0): Operation {
  return {
    op: 'capabilities',
    bounding,
    effective: bounding,
    permitted: bounding,
    inheritable: ambient,
    ambient,
  };
}

function user(name: string, extraGroups: readonly string[] = []): Operation[] {
  return [{ op: 'resolveUser', root: 0, user: name, extraGroups }, { op: 'setUser' }];
}

describe.each(binaries)('process (%s)', (binary) => {
  let it: Fixture;
  beforeAll(async () => {
    it = await Fixture.open(binary);
    chmodSync(join(it.root, 'out'), 0o777);
    writeFileSync(join(it.root, 'out/log'), '', { mode: 0o666 });
    chmodSync(join(it.root, 'out/log'), 0o666);
  });
  afterAll(() => it[Symbol.asyncDispose]());

  const status = async (fields: string, steps: readonly Operation[]): Promise<Record<string, string>> => {
    const lines = await it.output(`grep -E '^(${fields}):' /proc/self/status`, steps);
    return Object.fromEntries(lines.map((line) => line.replace(/\s+/g, ' ').trim().split(': ')));
  };

  test('a program starts with three descriptors, its own session, default signals and umask 0022', async () => {
    const output = await it.output(
      'umask; cut -d" " -f5,6 /proc/self/stat; grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status; exec ls /proc/self/fd',
    );
    expect(output).toEqual([
      '0022',
      '1 1',
      'SigBlk:\t0000000000000000',
      'SigIgn:\t0000000000000000',
      'SigCgt:\t0000000000000000',
      '0',
      '1',
      '2',
      '3',
    ]);
  });

  test("a root user has exactly the plan's capabilities", async () => {
    const caps = await status('Cap.*|NoNewPrivs|Seccomp', [capabilities(dockerCapabilities), ...user('')]);
    const all = '00000000a80425fb';
    const none = '0000000000000000';
    expect(caps).toEqual({
      CapInh: none,
      CapPrm: all,
      CapEff: all,
      CapBnd: all,
      CapAmb: none,
      NoNewPrivs: '0',
      Seccomp: '0',
    });
  });

  test('another user keeps the bounding set and the ambient capabilities alone', async () => {
    const plain = await status('Cap.*', [capabilities(dockerCapabilities), ...user('www-data')]);
    expect(plain).toMatchObject({
      CapPrm: '0000000000000000',
      CapEff: '0000000000000000',
      CapBnd: '00000000a80425fb',
    });
    const ambient = await status('Cap.*', [capabilities(dockerCapabilities, 0x400), ...user('www-data')]);
    const bind = '0000000000000400';
    expect(ambient).toMatchObject({ CapInh: bind, CapPrm: bind, CapEff: bind, CapAmb: bind });
  });

  test('users and groups come from the files in the root', async () => {
    const ids = async (steps: readonly Operation[]) =>
      (await it.output('id -u; id -g; id -G; echo $HOME', steps)).join(' ');
    expect(await ids(user('www-data', ['7']))).toBe('33 33 33 7 29 /var/www');
    expect(await ids(user('33:audio'))).toBe('33 29 29 /var/www');
    expect(await ids(user('4711'))).toBe('4711 0 0 /');
    expect(await ids(user(''))).toBe('0 0 0 /root');
  });

  test('users and groups that nobody knows fail in the words of Docker', async () => {
    const detail = async (name: string) => (await it.failure(it.container('true', user(name)))).detail;
    expect(await detail('nobody')).toBe('unable to find user nobody: no matching entries in passwd file');
    expect(await detail('0:staff')).toBe('unable to find group staff: no matching entries in group file');
    expect(await detail('2147483648')).toBe('uids and gids must be in range 0-2147483647');
  });

  test('a fifo or a link out of the root in the place of /etc/passwd is harmless', async () => {
    const replace = (path: string, step: Operation): Operation[] => [
      { op: 'unlink', dir: 0, path, flags: 0 },
      step,
    ];
    const restore: Operation[] = [
      { op: 'unlink', dir: 0, path: '/etc/passwd', flags: 0 },
      {
        op: 'write',
        dir: 0,
        path: '/etc/passwd',
        flags: k.O_CREAT,
        mode: 0o644,
        data: new TextEncoder().encode(
          'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n',
        ),
        ignore: [],
      },
    ];
    const fifo = replace('/etc/passwd', {
      op: 'mknod',
      root: 0,
      path: '/etc/passwd',
      mode: k.S_IFIFO | 0o644,
      device: 0,
      uid: 0,
      gid: 0,
    });
    expect((await it.failure(it.container('true', [...fifo, ...user('root')]))).detail).toBe(
      'it is no regular file',
    );
    const link = replace('/etc/passwd', {
      op: 'symlink',
      root: 0,
      path: '/etc/passwd',
      target: '/proc/1/root/etc/passwd',
    });
    expect(await it.failure(it.container('true', [...link, ...user('root')]))).toMatchObject({
      errno: errno.ELOOP,
    });
    await it.below(...restore);
  });

  test('a user may reopen its standard streams', async () => {
    const streams: Operation = { op: 'streams', terminal: 0, stdin: 1, stdinOnce: 0 };
    const argv = ['sh', '-c', 'for fd in 0 2; do stat -L -c %u:%F /proc/self/fd/$fd; done > /out/log'];
    await it.run(it.containerOf(argv, user('www-data'), { before: [streams] }));
    expect(await Bun.file(join(it.root, 'out/log')).text()).toBe('33:fifo\n33:fifo\n');
  });

  test('a seccomp filter holds from exec on, with no_new_privs and without', async () => {
    const seccomp: Operation = { op: 'seccomp', program: refuseMkdir(), flags: 0 };
    const script = 'mkdir /out/dir; grep -E "^(Seccomp|CapPrm|NoNewPrivs):" /proc/self/status';
    for (const name of ['', 'www-data']) {
      const plain = await it.output(script, [capabilities(dockerCapabilities), seccomp, ...user(name)]);
      expect(plain[0]).toEndWith('link');
      expect(plain.slice(1)).toEqual([
        `CapPrm:\t00000000${name === '' ? 'a80425fb' : '00000000'}`,
        'NoNewPrivs:\t0',
        'Seccomp:\t2',
      ]);
      const bound = await it.output(script, [
        capabilities(dockerCapabilities),
        { op: 'noNewPrivileges' },
        seccomp,
        ...user(name),
      ]);
      expect(bound.slice(2)).toEqual(['NoNewPrivs:\t1', 'Seccomp:\t2']);
    }
    const broken = it.container('true', [{ op: 'seccomp', program: new Uint8Array(8), flags: 0 }]);
    expect(await it.failure(broken)).toMatchObject({
      operation: 'exec',
      errno: errno.EINVAL,
      detail: 'loading the seccomp filter',
    });
  });

  test('limits, names, umask, personality and scheduling reach the program', async () => {
    const steps: Operation[] = [
      { op: 'hostname', name: 'boat' },
      { op: 'domainname', name: 'harbour' },
      { op: 'sysctl', path: 'net/ipv4/ip_unprivileged_port_start', value: '7' },
      { op: 'sysctl', path: 'kernel/shmmni', value: '99' },
      { op: 'rlimit', resource: 7, soft: 100, hard: 200 },
      { op: 'umask', mask: 0o027 },
      { op: 'personality', value: 0x40000 },
      { op: 'ioPriority', value: (2 << 13) | 6 },
      { op: 'keyring', name: '_ses.test' },
    ];
    const output = await it.output(
      'hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shmmni; ulimit -Sn; ulimit -Hn; umask; cat /proc/self/personality; ionice -p $$; grep -c _ses.test /proc/keys',
      steps,
    );
    expect(output).toEqual([
      'boat',
      'harbour',
      '7',
      '99',
      '100',
      '200',
      '0027',
      '00040000',
      'best-effort: prio 6',
      '1',
    ]);
  });

  test('a sysctl that does not exist, or is none, is refused', async () => {
    const sysctl = (path: string) => it.failure(it.container('true', [{ op: 'sysctl', path, value: '1' }]));
    expect(await sysctl('net/nothing')).toMatchObject({
      operation: 'sysctl',
      subject: 'net/nothing',
      errno: errno.ENOENT,
    });
    expect(await sysctl('../self/oom_score_adj')).toMatchObject({ errno: errno.EINVAL });
  });

  test('the working directory is made when missing, and never lies outside (CVE-2024-21626)', async () => {
    const directory = (path: string, create = 0): Operation => ({ op: 'workingDirectory', path, create });
    expect(await it.output('pwd; stat -c %u:%a .', [directory('/work/deep', 1)])).toEqual([
      '/work/deep',
      '0:755',
    ]);
    const refused = async (path: string) => (await it.failure(it.container('pwd', [directory(path)]))).errno;
    expect(await refused('/nowhere')).toBe(errno.ENOENT);
    expect(await refused('/bin/busybox')).toBe(errno.ENOTDIR);
    for (let fd = 3; fd < 16; fd++) {
      expect([errno.ELOOP, errno.ENOENT] as number[]).toContain(await refused(`/proc/self/fd/${fd}`));
    }
    expect(await refused('/proc/self/cwd')).toBe(errno.ELOOP);
  });

  test('exec tells how far it came', async () => {
    const failure = async (...argv: string[]) => {
      const { errno: number, subject, detail, operation } = await it.failure(it.containerOf(argv, []));
      return [operation, number, subject, detail];
    };
    writeFileSync(join(it.root, 'bin/plain'), 'not a program', { mode: 0o644 });
    writeFileSync(join(it.root, 'bin/text'), 'not a program', { mode: 0o755 });
    writeFileSync(join(it.root, 'bin/script'), '#!/no/interpreter\n', { mode: 0o755 });
    mkdirSync(join(it.root, 'bin/directory'));
    expect(await failure('nothing')).toEqual(['exec', errno.ENOENT, 'nothing', 'not found in $PATH']);
    expect(await failure('plain')).toEqual(['exec', errno.ENOENT, 'plain', 'not found in $PATH']);
    expect(await failure('directory')).toEqual(['exec', errno.ENOENT, 'directory', 'not found in $PATH']);
    expect(await failure('/bin/nothing')).toEqual(['exec', errno.ENOENT, '/bin/nothing', 'stat']);
    expect(await failure('/bin/busybox/x')).toEqual(['exec', errno.ENOTDIR, '/bin/busybox/x', 'stat']);
    expect(await failure('/bin/plain')).toEqual(['exec', errno.EACCES, '/bin/plain', 'lookup']);
    expect(await failure('/bin')).toEqual(['exec', errno.EISDIR, '/bin', 'lookup']);
    expect(await failure('text')).toEqual(['exec', errno.ENOEXEC, '/bin/text', 'execve']);
    expect(await failure('/bin/script')).toEqual(['exec', errno.ENOENT, '/bin/script', 'execve']);
    expect(await failure()).toEqual(['exec', errno.EINVAL, '', 'no command']);
  });

  test('no descriptor of the host can be reached through the program path (CVE-2024-21626)', async () => {
    for (let fd = 3; fd < 20; fd++) {
      const failure = await it.failure(it.containerOf([`/proc/self/fd/${fd}/bin/busybox`], []));
      expect(failure).toMatchObject({ operation: 'exec', detail: 'stat' });
    }
  });

  test('an environment entry without "=" is refused', async () => {
    const plan = it.container('true');
    const child = plan.child.map(
      (step): Operation => (step.op === 'exec' ? { ...step, env: ['PATH=/bin', 'NAME'] } : step),
    );
    expect(await it.failure({ ...plan, child })).toMatchObject({
      operation: 'exec',
      errno: errno.EINVAL,
      subject: 'NAME',
    });
  });

  test('the launcher runs from a sealed copy, which a container cannot overwrite (CVE-2019-5736)', async () => {
    const plan = it.container('readlink /proc/$PPID/exe; : > /proc/$PPID/exe');
    const before: Operation[] = [{ op: 'clone', flags: k.CLONE_NEWNS, cgroup: -1 }];
    await it.run({ ...plan, before });
    const [exe, refusal] = (await Bun.file(join(it.root, 'out/log')).text()).split('\n');
    expect(exe).toBe('/memfd:sampan-launcher (deleted)');
    expect(refusal).toMatch(/Text file busy|Operation not permitted/);
  });

  test('a terminal is the controlling one, of the size asked for, and on /dev/console', async () => {
    const streams: Operation = { op: 'streams', terminal: 1, stdin: 1, stdinOnce: 0 };
    const terminal: Operation = { op: 'terminal', root: 0, console: 1, rows: 31, columns: 97 };
    const script =
      'tty <&2; stty size <&2; tty < /dev/console; stat -c %u /dev/pts/0; cut -d" " -f7 /proc/self/stat';
    const argv = ['sh', '-c', `(${script}) > /out/log`];
    await it.run({
      ...it.containerOf(argv, [terminal, ...user('www-data')]),
      before: [streams, ...it.container('').before],
    });
    const lines = (await Bun.file(join(it.root, 'out/log')).text()).trimEnd().split('\n');
    expect(lines).toEqual(['/dev/pts/0', '31 97', '/dev/console', '33', String(136 << 8)]);
  });

  test('a terminal needs a devpts of its own', async () => {
    const terminal: Operation = { op: 'terminal', root: 0, console: 0, rows: 0, columns: 0 };
    const steps: Operation[] = [
      { op: 'unmount', path: '/dev/pts', flags: 0 },
      {
        op: 'mknod',
        root: 0,
        path: '/dev/pts/ptmx',
        mode: k.S_IFCHR | 0o666,
        device: k.deviceNumber(5, 2),
        uid: 0,
        gid: 0,
      },
    ];
    const failure = await it.failure(it.container('true', [...steps, terminal]));
    expect(failure).toMatchObject({ operation: 'terminal', subject: '/dev/pts/ptmx' });
  });
});
