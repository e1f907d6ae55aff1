import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

/** Runs a shell script in a fresh container of busybox. */
function shell(script: string, ...flags: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
}

describe('run', () => {
  test('keeps standard output, standard error and the exit status apart', () => {
    expect(shell('echo out; echo err >&2; exit 7')).toEqual({ stdout: 'out\n', stderr: 'err\n', status: 7 });
  });

  test('passes standard input with -i, to its end', () => {
    const input = 'x'.repeat(1 << 20);
    const { stdout } = daemon.run('sampan', ['run', '--rm', '-i', 'busybox', 'wc', '-c'], input);
    expect(stdout.trim()).toBe(String(input.length));
  });

  test('loses nothing of a large output', () => {
    const { stdout } = shell('yes 0123456789 | head -n 1000000');
    expect(stdout.length).toBe(11_000_000);
  });

  test.each([
    ['exit 3', 3],
    ['kill -9 $$', 137],
    ["trap 'exit 42' TERM; kill $$; sleep 5", 42],
  ])('%s ends with its status', (script, status) => {
    expect(daemon.run('sampan', ['run', '--rm', '--init', 'busybox', 'sh', '-c', script]).status).toBe(
      status,
    );
  });

  test.each([
    ['nonexistent', 127, 'exec: "nonexistent": executable file not found in $PATH'],
    ['/etc/passwd', 126, 'exec: "/etc/passwd": permission denied'],
    ['/etc', 126, 'exec: "/etc": is a directory'],
    ['/no/such', 127, 'exec: "/no/such": stat /no/such: no such file or directory'],
  ])('of %s exits with %d and says why', (program, status, message) => {
    const outcome = daemon.run('sampan', ['run', '--rm', 'busybox', program]);
    expect(outcome.status).toBe(status);
    expect(outcome.stderr).toContain(message);
  });

  test('of an unknown image exits with 125', () => {
    const outcome = daemon.run('sampan', ['run', '--rm', '--pull', 'never', 'nosuchimage']);
    expect(outcome.status).toBe(125);
    expect(outcome.stderr).toContain('No such image: nosuchimage:latest');
  });
});

describe('the process', () => {
  test('has the environment of image, flags and file, and the usual variables', () => {
    const file = join(daemon.home, 'env');
    writeFileSync(file, '# comment\nFROM_FILE=1\n');
    const { stdout } = shell('env', '-e', 'A=b', '--env-file', file, '--hostname', 'box');
    const lines = stdout.trim().split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'A=b',
        'FROM_FILE=1',
        'HOSTNAME=box',
        'HOME=/root',
        expect.stringMatching(/^PATH=\/usr\/local\/sbin:/),
      ]),
    );
  });

  test.each([
    ['www-data', 'uid=33(www-data) gid=33(www-data) groups=33(www-data),29(audio)'],
    ['33', 'uid=33(www-data) gid=33(www-data) groups=33(www-data),29(audio)'],
    ['33:0', 'uid=33(www-data) gid=0(root) groups=0(root)'],
    ['1234', 'uid=1234 gid=0(root) groups=0(root)'],
    ['1234:5678', 'uid=1234 gid=5678 groups=5678'],
  ])('runs as --user %s', (user, expected) => {
    const { stdout } = shell('id', '--user', user);
    const groups = (text: string) => new Set(text.trim().split('groups=')[1]?.split(','));
    expect(stdout.split(' groups=')[0]).toBe(expected.split(' groups=')[0] ?? '');
    expect(groups(stdout)).toEqual(groups(expected));
  });

  test('of an unknown user is refused with 126 or 125 and says so', () => {
    const outcome = shell('true', '--user', 'nobody-here');
    expect(outcome.status).toBeGreaterThanOrEqual(125);
    expect(outcome.stderr).toContain('unable to find user nobody-here: no matching entries in passwd file');
  });

  test('starts in --workdir, which is made if missing', () => {
    expect(shell('pwd; ls -ld . | cut -c1-10', '-w', '/a/b').stdout).toBe('/a/b\ndrwxr-xr-x\n');
  });

  test('has only standard descriptors', () => {
    expect(shell('ls /proc/self/fd').stdout.trim().split('\n').length).toBe(4);
  });

  test('has a terminal with -t', () => {
    const { stdout } = shell('tty; stty size; echo $TERM', '-t');
    expect(stdout.split('\r\n').slice(0, 1)).toEqual(['/dev/pts/0']);
    expect(stdout).toContain('xterm');
  });

  test('runs under an init with --init, which reaps orphans', () => {
    const { stdout } = shell(
      'cat /proc/1/comm; (sleep 0.1 &) ; sleep 0.4; ls /proc | grep -c "^[0-9]"',
      '--init',
    );
    expect(stdout.split('\n')[0]).toBe('docker-init');
  });
});

describe('mounts', () => {
  test('bind a directory of the host, read-only where asked', () => {
    const directory = join(daemon.home, 'shared');
    mkdirSync(directory);
    writeFileSync(join(directory, 'in'), 'from the host');
    expect(shell('cat /s/in; echo back >/s/out', '-v', `${directory}:/s`).stdout).toBe('from the host');
    expect(readFileSync(join(directory, 'out'), 'utf8')).toBe('back\n');
    const readOnly = shell('echo x >/s/out', '-v', `${directory}:/s:ro`);
    expect(readOnly.stderr).toContain('Read-only file system');
  });

  test('bind a single file onto a path that is missing', () => {
    const file = join(daemon.home, 'single');
    writeFileSync(file, 'alone');
    expect(shell('cat /x/y/z', '--mount', `type=bind,src=${file},dst=/x/y/z`).stdout).toBe('alone');
  });

  test('refuse a --mount whose source is missing', () => {
    const outcome = shell('true', '--mount', 'type=bind,src=/no/such/dir,dst=/x');
    expect(outcome.status).toBe(125);
    expect(outcome.stderr).toContain('bind source path does not exist: /no/such/dir');
  });

  test('give a tmpfs with its options', () => {
    const { stdout } = shell('grep " /t " /proc/mounts', '--tmpfs', '/t:size=1m,mode=700');
    expect(stdout).toContain('size=1024k');
    expect(stdout).toContain('mode=700');
    expect(stdout).toContain('noexec');
  });

  test('keep the root read-only with --read-only', () => {
    expect(shell('echo x >/x', '--read-only').stderr).toContain('Read-only file system');
  });

  test('leave the image as it was', () => {
    shell('rm -r /etc; echo x >/new');
    expect(shell('ls -d /etc /new 2>/dev/null').stdout).toBe('/etc\n');
  });
});
