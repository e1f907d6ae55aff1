import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

/** What the image "content" has in /data. */
const content = `mkdir -p /data/sub /empty
echo one > /data/one; chmod 640 /data/one; chown 33:33 /data/one
echo two > /data/sub/two; ln /data/one /data/again; ln -s /etc/passwd /data/link
chown 1:2 /data; chmod 1750 /data; chown 5:6 /empty; chmod 700 /empty`;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  daemon.sampan('run', '--name', 'maker', 'busybox', 'sh', '-c', content);
  daemon.sampan('commit', 'maker', 'content');
  daemon.sampan('commit', '-c', 'VOLUME /data', 'maker', 'declared');
  daemon.sampan('rm', 'maker');
});
afterAll(() => daemon[Symbol.asyncDispose]());

function shell(image: string, script: string, ...flags: string[]): string {
  return daemon.sampan('run', '--rm', ...flags, image, 'sh', '-c', script);
}

function mountpoint(name: string): string {
  return daemon.sampan('volume', 'inspect', '-f', '{{.Mountpoint}}', name);
}

const listing = 'cd /data; stat -c "%n %a %u:%g" . one sub; cat again; readlink link';
const original = '. 1750 1:2\none 640 33:33\nsub 755 0:0\none\n/etc/passwd';

describe('an empty volume', () => {
  test('gets the content of the image at its create, with owners, modes and links', () => {
    daemon.sampan('create', '--name', 'filled', '-v', 'fill:/data', 'content', 'true');
    const path = mountpoint('fill');
    expect(readFileSync(join(path, 'sub/two'), 'utf8')).toBe('two\n');
    expect(lstatSync(join(path, 'one')).ino).toBe(lstatSync(join(path, 'again')).ino);
    expect(shell('busybox', listing, '-v', 'fill:/data')).toBe(original);
    daemon.sampan('rm', 'filled');
  });

  test('that the image declares is filled as well, and goes with the container', () => {
    const before = daemon.sampan('volume', 'ls', '-q');
    expect(shell('declared', listing)).toBe(original);
    expect(daemon.sampan('volume', 'ls', '-q')).toBe(before);
  });

  test('gets the owner and mode of an empty directory too', () => {
    expect(shell('content', 'stat -c "%a %u:%g" /empty', '-v', 'owned:/empty')).toBe('700 5:6');
  });

  test.each([
    ['-v', 'plain:/data:nocopy'],
    ['--mount', 'source=plain,target=/data,volume-nocopy'],
  ])('stays empty with %s %s', (flag, value) => {
    expect(shell('content', 'ls -A /data; stat -c %u /data', flag, value)).toBe('0');
  });

  test('is not touched once it has content', () => {
    shell('busybox', 'echo mine > /v/mine', '-v', 'kept:/v');
    expect(shell('content', 'ls -A /data', '-v', 'kept:/data')).toBe('mine');
  });

  test('over a file of the image is refused', () => {
    const outcome = daemon.run('sampan', ['create', '-v', '/etc/passwd', 'content']);
    expect(outcome.stderr).toContain('cannot mount volume over existing file, file exists');
    expect(outcome.status).toBe(1);
  });

  test('is filled once by many creates at once', async () => {
    const created = await Promise.all(
      Array.from({ length: 8 }, () =>
        daemon.request('POST', '/containers/create', {
          Image: 'content',
          HostConfig: { Binds: ['shared:/data'] },
        }),
      ),
    );
    expect(created.map(({ status }) => status)).toEqual(Array(8).fill(201));
    expect(readdirSync(mountpoint('shared')).sort()).toEqual(['again', 'link', 'one', 'sub']);
  });
});

describe('a daemon that is killed while it fills volumes', () => {
  const FILES = 1500;

  test('has filled each wholly or not at all, and fills it the next time', async () => {
    const script = `mkdir /many; i=0; while [ $i -lt ${FILES} ]; do echo $i > /many/$i; i=$((i + 1)); done`;
    daemon.sampan('run', '--name', 'maker', 'busybox', 'sh', '-c', script);
    daemon.sampan('commit', 'maker', 'many');
    daemon.sampan('rm', 'maker');
    const count = (volume: string) => readdirSync(mountpoint(volume)).length;
    const seen = new Set<boolean>();
    for (let round = 0; round < 3; round++) {
      const volume = `killed${round}`;
      daemon.sampan('volume', 'create', volume);
      const path = mountpoint(volume);
      const create = { Image: 'many', HostConfig: { Binds: [`${volume}:/many`] } };
      const created = daemon.request('POST', '/containers/create', create).catch(() => {});
      // Killed in the middle of it, as often as not.
      while (round % 2 === 0 && readdirSync(path).length < FILES / 10) await Bun.sleep(1);
      await daemon.stopProcess('SIGKILL');
      await created;
      seen.add(readdirSync(path).length % FILES !== 0);
      await daemon.startProcess();
      expect([0, FILES]).toContain(count(volume));
      daemon.sampan('run', '--rm', '-v', `${volume}:/many`, 'many', 'true');
      expect(count(volume)).toBe(FILES);
    }
    expect(seen).toContain(true);
  });
});

describe('a part of a volume', () => {
  test('is mounted alone, and filled when it is empty', () => {
    shell('busybox', 'mkdir -p /v/deep/part; echo x > /v/file', '-v', 'parts:/v');
    const mount = 'source=parts,target=/data,volume-subpath=deep/part';
    expect(shell('content', 'cat /data/one', '--mount', mount)).toBe('one');
    expect(existsSync(join(mountpoint('parts'), 'deep/part/sub/two'))).toBe(true);
    expect(shell('busybox', 'cat /f', '--mount', 'source=parts,target=/f,volume-subpath=file')).toBe('x');
  });

  test('that is missing fails the start', () => {
    const args = ['run', '--rm', '--mount', 'source=parts,target=/x,volume-subpath=none', 'busybox', 'true'];
    const outcome = daemon.run('sampan', args);
    const path = `${mountpoint('parts')}/none`;
    expect(outcome.stderr).toContain(
      `daemon: cannot access path ${path}: lstat ${path}: no such file or directory\n`,
    );
    expect(outcome.status).toBe(127);
  });

  test('is copied from a stopped container as well', () => {
    const mount = 'source=parts,target=/x,volume-subpath=deep/part';
    daemon.sampan('create', '--name', 'stopped', '--mount', mount, 'busybox');
    expect(daemon.run('sampan', ['cp', 'stopped:/x/one', '-']).stdout).toContain('one\n');
    daemon.sampan('rm', 'stopped');
  });
});

describe('a mounted image', () => {
  test('is read-only, whole or in part, and beside others', () => {
    const whole = 'type=image,source=content,target=/whole';
    const part = 'type=image,source=content,target=/part,image-subpath=data/sub';
    const script = 'cat /whole/data/one /part/two; touch /whole/x /part/x; mount | grep -c image-views';
    const outcome = daemon.run('sampan', [
      ...['run', '--rm', '--mount', whole, '--mount', part, 'busybox', 'sh', '-c', script],
    ]);
    expect(outcome.stdout).toBe('one\ntwo\n0\n');
    expect(outcome.stderr.match(/Read-only file system/g)).toHaveLength(2);
  });

  test('cannot be removed while a container has it', () => {
    daemon.sampan('run', '--name', 'maker', 'busybox', 'sh', '-c', 'echo sole > /file');
    daemon.sampan('commit', 'maker', 'sole');
    daemon.sampan('rm', 'maker');
    daemon.sampan('create', '--name', 'mounter', '--mount', 'type=image,source=sole,target=/i', 'busybox');
    const outcome = daemon.run('sampan', ['rmi', 'sole']);
    expect(outcome.stderr).toContain('conflict: unable to remove repository reference "sole"');
    expect(daemon.sampan('cp', 'mounter:/i/file', '-')).toContain('sole');
    const format = '{{range .Mounts}}{{.Type}} {{.Name}} {{.RW}}{{end}}';
    expect(daemon.sampan('inspect', '-f', format, 'mounter')).toBe('image sole false');
    daemon.sampan('rm', 'mounter');
    daemon.sampan('rmi', 'sole');
  });

  test('that is not here is told at the create', async () => {
    const Mounts = [{ Type: 'image', Source: 'nosuch', Target: '/i' }];
    const request = { Image: 'busybox', HostConfig: { Mounts } };
    const { status, body } = await daemon.request('POST', '/containers/create', request);
    expect({ status, ...body }).toEqual({ status: 404, message: 'No such image: nosuch:latest' });
  });
});

describe('a volume with a device', () => {
  const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8');

  test('is mounted while containers run, and no longer', () => {
    const options = ['-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m,uid=7,nosuid'];
    daemon.sampan('volume', 'create', ...options, 'memory');
    const path = mountpoint('memory');
    daemon.sampan('run', '-d', '--name', 'first', '-v', 'memory:/m', 'busybox', 'sleep', '1000');
    daemon.sampan('run', '-d', '--name', 'second', '-v', 'memory:/m', 'busybox', 'sleep', '1000');
    daemon.sampan('exec', 'first', 'sh', '-c', 'echo here > /m/file');
    expect(daemon.sampan('exec', 'second', 'sh', '-c', 'cat /m/file; stat -c %u /m')).toBe('here\n7');
    expect(
      mounts()
        .split('\n')
        .filter((line) => line.includes(path)),
    ).toHaveLength(1);
    daemon.sampan('rm', '-f', 'first');
    expect(mounts()).toContain(path);
    daemon.sampan('rm', '-f', 'second');
    expect(mounts()).not.toContain(path);
    daemon.sampan('volume', 'rm', 'memory');
  });

  test('is found again by a new daemon, which unmounts it after the last container', async () => {
    daemon.sampan('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', 'lasting');
    const path = mountpoint('lasting');
    daemon.sampan('run', '-d', '--name', 'runner', '-v', 'lasting:/m', 'busybox', 'sleep', '1000');
    await daemon.stopProcess('SIGKILL');
    await daemon.startProcess();
    expect(mounts()).toContain(path);
    daemon.sampan('rm', '-f', 'runner');
    expect(mounts()).not.toContain(path);
  });

  test('left mounted by a killed daemon without containers is unmounted', async () => {
    daemon.sampan('run', '-d', '--name', 'runner', '-v', 'lasting:/m', 'busybox', 'sleep', '1000');
    const pid = daemon.sampan('inspect', '-f', '{{.State.Pid}}', 'runner');
    await daemon.stopProcess('SIGKILL');
    process.kill(Number(pid), 'SIGKILL');
    while (existsSync(`/proc/${pid}`)) await Bun.sleep(10);
    await daemon.startProcess();
    expect(mounts()).not.toContain(mountpoint('lasting'));
    daemon.sampan('rm', '-f', 'runner');
  });

  test('binds a directory, read-only if asked', () => {
    const source = join(daemon.home, 'bound');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'bound');
    const create = (name: string, options: string) =>
      daemon.sampan('volume', 'create', '-o', 'type=none', '-o', `device=${source}`, '-o', options, name);
    create('bound', 'o=bind');
    create('bound-ro', 'o=bind,ro');
    expect(shell('busybox', 'cat /b/file; echo more > /b/more', '-v', 'bound:/b')).toBe('bound');
    expect(readFileSync(join(source, 'more'), 'utf8')).toBe('more\n');
    const outcome = daemon.run('sampan', ['run', '--rm', '-v', 'bound-ro:/b', 'busybox', 'touch', '/b/x']);
    expect(outcome.stderr).toContain('Read-only file system');
    daemon.sampan('volume', 'rm', 'bound', 'bound-ro');
    expect(readdirSync(source).sort()).toEqual(['file', 'more']);
  });

  test.each([
    [
      ['type=none', 'device=/no/such', 'o=bind'],
      'mount /no/such:PATH, flags: 0x1000: no such file or directory',
    ],
    [['type=nosuchfs', 'device=x'], 'mount x:PATH: no such device'],
    [['type=tmpfs', 'device=tmpfs', 'o=size=bad'], 'mount tmpfs:PATH, data: size=bad: invalid argument'],
    [
      ['type=nfs', 'device=:/x', 'o=addr=no.such.host.invalid'],
      'error resolving passed in network volume address',
    ],
  ])('of %p that cannot be mounted fails the start: %s', (options, message) => {
    daemon.sampan('volume', 'create', ...options.flatMap((option) => ['-o', option]), 'broken');
    const path = mountpoint('broken');
    const outcome = daemon.run('sampan', ['run', '--rm', '-v', 'broken:/x', 'busybox', 'true']);
    expect(outcome.stderr).toContain(`error while mounting volume '${path}'`);
    expect(outcome.stderr).toContain(message.replace('PATH', path));
    expect(outcome.status).toBeGreaterThan(124);
    daemon.sampan('volume', 'rm', 'broken');
  });
});
