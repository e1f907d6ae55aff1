import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;
/** A directory with a memory filesystem on `sub`, whose mounts propagate. */
let source: string;

function host(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

beforeAll(async () => {
  daemon = await TestDaemon.start();
  source = join(daemon.home, 'source');
  mkdirSync(source);
  host('mount', '--bind', source, source);
  host('mount', '--make-shared', source);
  mkdirSync(join(source, 'sub'));
  host('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'sub'));
});
afterAll(async () => {
  host('umount', '-R', source);
  await daemon[Symbol.asyncDispose]();
});

function shell(script: string, mount: string): string {
  const { stdout } = daemon.run('sampan', [
    ...['run', '--rm', '--mount', `type=bind,source=${source},target=/b,${mount}`, 'busybox'],
    ...['sh', '-c', script],
  ]);
  return stdout.trim();
}

/** What can be written: the directory, and what is mounted below it. */
const writes =
  'for f in /b/x /b/sub/x; do touch $f 2>/dev/null && echo yes || echo no; done; grep -q " /b/sub " /proc/mounts && echo mounted';

describe('a bind', () => {
  test.each([
    ['bind-recursive=enabled', 'yes yes mounted'],
    ['readonly', 'no no mounted'],
    ['readonly,bind-recursive=writable', 'no yes mounted'],
    ['readonly,bind-recursive=readonly,bind-propagation=rprivate', 'no no mounted'],
    ['bind-recursive=disabled', 'yes yes'],
    ['readonly,bind-nonrecursive', 'no no'],
    ['consistency=delegated', 'yes yes mounted'],
  ])('with %s', (options, expected) => {
    expect(shell(writes, options).split('\n').join(' ')).toBe(expected);
  });

  test('shows mounts of the host that come later, and its own to the host, as its propagation says', () => {
    for (const [propagation, comes, goes] of [
      ['rprivate', false, false],
      ['rslave', true, false],
      ['rshared', true, true],
    ] as const) {
      const mount = `type=bind,source=${source},target=/b,bind-propagation=${propagation}`;
      const flags = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined'];
      daemon.sampan(
        'run',
        '-d',
        '--name',
        propagation,
        ...flags,
        '--mount',
        mount,
        'busybox',
        'sleep',
        '1000',
      );
      for (const name of ['late', 'inner']) mkdirSync(join(source, name), { recursive: true });
      host('mount', '-t', 'tmpfs', 'tmpfs', join(source, 'late'));
      const seen =
        daemon.run('sampan', ['exec', propagation, 'grep', '-q', ' /b/late ', '/proc/mounts']).status === 0;
      daemon.sampan('exec', propagation, 'mount', '-t', 'tmpfs', 'tmpfs', '/b/inner');
      const shown = readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${source}/inner `);
      daemon.sampan('exec', propagation, 'umount', '/b/inner');
      host('umount', join(source, 'late'));
      daemon.sampan('rm', '-f', propagation);
      expect({ propagation, seen, shown }).toEqual({ propagation, seen: comes, shown: goes });
    }
  });

  test('of a source that does not propagate cannot be shared', () => {
    const mount = `type=bind,source=${daemon.home}/plain,target=/b,bind-propagation=rshared`;
    mkdirSync(join(daemon.home, 'plain'));
    host('mount', '--bind', join(daemon.home, 'plain'), join(daemon.home, 'plain'));
    host('mount', '--make-private', join(daemon.home, 'plain'));
    const { stderr } = daemon.run('sampan', ['run', '--rm', '--mount', mount, 'busybox', 'true']);
    host('umount', join(daemon.home, 'plain'));
    expect(stderr).toContain('but it is not a shared mount');
  });

  test('makes a missing source only when asked to', () => {
    const missing = join(daemon.home, 'made/for/it');
    const mount = `type=bind,source=${missing},target=/b`;
    const refused = daemon.run('sampan', ['create', '--mount', mount, 'busybox']);
    expect(refused.stderr).toContain(`bind source path does not exist: ${missing}`);
    expect(existsSync(missing)).toBe(false);
    daemon.sampan('run', '--rm', '--mount', `${mount},bind-create-src`, 'busybox', 'touch', '/b/x');
    expect(existsSync(join(missing, 'x'))).toBe(true);
  });
});

test('a memory filesystem has the size, mode and options asked for', () => {
  const mount = 'type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1711';
  const script =
    "stat -c %a /t; df -k /t | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2; grep ' /t ' /proc/mounts";
  const [mode, size, line] = daemon
    .sampan('run', '--rm', '--mount', mount, 'busybox', 'sh', '-c', script)
    .split('\n');
  expect([mode, size]).toEqual(['1711', '1024']);
  expect(line).toContain('nosuid,nodev,noexec');
});

test('mounts of another container are taken over, read-only if asked, and its own come first', () => {
  daemon.sampan(
    'create',
    '--name',
    'lender',
    '-v',
    'lent:/lent',
    '-v',
    `${source}:/b`,
    '-v',
    '/anonymous',
    'busybox',
  );
  const script = 'for d in lent b anonymous; do touch /$d/y 2>/dev/null && echo yes || echo no; done';
  const borrow = (...flags: string[]) =>
    daemon
      .sampan('run', '--rm', ...flags, 'busybox', 'sh', '-c', script)
      .split('\n')
      .join(' ');
  expect(borrow('--volumes-from', 'lender')).toBe('yes yes yes');
  expect(borrow('--volumes-from', 'lender:ro')).toBe('no no no');
  expect(borrow('--volumes-from', 'lender:ro', '-v', 'own:/lent')).toBe('yes no no');
  // Those who borrowed it are gone, with --rm: it is the lender's still.
  expect(daemon.sampan('inspect', '-f', '{{len .Mounts}}', 'lender')).toBe('3');
  const anonymous = daemon.sampan(
    ...[
      'inspect',
      '-f',
      '{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Source}}{{end}}{{end}}',
      'lender',
    ],
  );
  expect(statSync(join(anonymous, 'y')).isFile()).toBe(true);
  daemon.sampan('rm', '-v', 'lender');
  expect(existsSync(anonymous)).toBe(false);
});

test('volumes of a cluster are none of this engine', async () => {
  const { status, body } = await daemon.request('PUT', '/volumes/any?version=1', {});
  expect({ status, ...body }).toEqual({
    status: 503,
    message: 'volume update only valid for cluster volumes, but swarm is unavailable',
  });
});
