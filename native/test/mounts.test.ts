import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as k from '../../src/plan/constants.ts';
import { errno } from '../../src/plan/errno.ts';
import { HOST, type Operation } from '../../src/plan/operations.ts';
import { binaries, bind, Fixture, tmpfs } from './fixture.ts';

describe.each(binaries)('mounts (%s)', (binary) => {
  let it: Fixture;
  beforeAll(async () => {
    it = await Fixture.open(binary);
  });
  afterAll(() => it[Symbol.asyncDispose]());

  /** Runs steps in a mount namespace of their own, with the root bound onto itself in slot 0. */
  const apart = (...steps: Operation[]): Operation[] => [
    { op: 'unshare', flags: k.CLONE_NEWNS },
    {
      op: 'setAttributes',
      root: HOST,
      path: '/',
      set: 0,
      clear: 0,
      propagation: k.MS_PRIVATE | k.MS_REC,
      recursive: 0,
    },
    bind({ sourcePath: it.root, root: HOST, path: it.root }),
    it.openRoot(),
    ...steps,
  ];
  const mountinfo = async (...steps: Operation[]): Promise<string[]> => {
    const before = apart(...steps, { op: 'read', dir: HOST, path: '/proc/self/mountinfo', limit: 1 << 20 });
    const { results } = await it.run({ before });
    const lines = new TextDecoder().decode(results.get(before.length - 1)).split('\n');
    return lines.filter((line) => line.includes(it.directory));
  };

  test('mount gives the filesystem its options and attributes, and makes the target', async () => {
    const attributes = k.MOUNT_ATTR_NOSUID | k.MOUNT_ATTR_NODEV | k.MOUNT_ATTR_RDONLY;
    const lines = await mountinfo(
      tmpfs('/made/here', { attributes, options: ['size=64k', 'mode=711'], propagation: k.MS_SHARED }),
    );
    expect(lines.at(-1)).toMatch(
      /root\/made\/here ro,nosuid,nodev,relatime shared:\d+ - tmpfs tmpfs rw,size=64k,mode=711/,
    );
  });

  test("mount reports the kernel's own words", async () => {
    const failure = await it.failure({ before: apart(tmpfs('/made', { options: ['size=much'] })) });
    expect(failure).toMatchObject({ operation: 'mount', subject: '/made', errno: errno.EINVAL });
    expect(failure.detail).toContain("Bad value for 'size'");
    const unknown = await it.failure({ before: apart(tmpfs('/made', { fstype: 'nosuchfs' })) });
    expect(unknown).toMatchObject({ errno: errno.ENODEV, detail: 'filesystem nosuchfs' });
  });

  test('mount needs the target when it may not make it', async () => {
    const failure = await it.failure({ before: apart(tmpfs('/missing', { create: 0 })) });
    expect(failure).toMatchObject({ errno: errno.ENOENT, subject: '/missing' });
  });

  test('a mount is led by links no further than the root', async () => {
    symlinkSync('/../../../../../../etc', join(it.root, 'astray'));
    const lines = await mountinfo(tmpfs('/astray/inner'));
    expect(lines.at(-1)).toContain(' /root/etc/inner '.replace(' /root', ` ${it.root}`));
  });

  test('bind makes a target like its source: a directory or an empty file', async () => {
    writeFileSync(it.path('file'), 'text');
    mkdirSync(it.path('dir/sub'), { recursive: true });
    await mountinfo(
      bind({ sourcePath: it.path('file'), root: 0, path: '/targets/file' }),
      bind({ sourcePath: it.path('dir'), root: 0, path: '/targets/dir' }),
      { op: 'read', dir: 0, path: '/targets/file', limit: 10 },
    );
    expect(statSync(join(it.root, 'targets/file')).size).toBe(0);
    expect(statSync(join(it.root, 'targets/dir')).isDirectory()).toBe(true);
  });

  test('bind sets attributes on the subtree, and propagation', async () => {
    const tree = [tmpfs('/tree'), tmpfs('/tree/sub')];
    const recursive = { recursive: 1, recursiveAttributes: 1, set: k.MOUNT_ATTR_RDONLY } as const;
    const copy = { sourceDir: 0, sourcePath: '/tree', root: 0, path: '/copy', ...recursive };
    const lines = await mountinfo(...tree, bind({ ...copy, propagation: k.MS_SHARED | k.MS_REC }));
    expect(lines.at(-2)).toMatch(/\/copy ro,relatime shared:/);
    expect(lines.at(-1)).toMatch(/\/copy\/sub ro,relatime shared:/);
    const shallow = await mountinfo(...tree, bind({ ...copy, recursiveAttributes: 0 }));
    expect(shallow.at(-1)).toMatch(/\/copy\/sub rw,relatime -/);
  });

  test('bind of a directory onto a file fails as the kernel says', async () => {
    const failure = await it.failure({
      before: apart(bind({ sourcePath: it.root, root: 0, path: '/bin/busybox' })),
    });
    expect(failure).toMatchObject({ operation: 'bind', errno: errno.ENOTDIR, subject: '/bin/busybox' });
  });

  test('nothing is mounted inside procfs but what only informs', async () => {
    const proc = {
      op: 'mount',
      root: 0,
      path: '/proc',
      fstype: 'proc',
      source: 'proc',
      attributes: 0,
      options: [],
      propagation: 0,
      create: 0,
    } as const;
    writeFileSync(it.path('uptime'), '1 1');
    symlinkSync('/proc/sys', join(it.root, 'to-sys'));
    for (const path of ['/proc', '/proc/self', '/proc/sys/kernel', '/to-sys', '/proc/1']) {
      const failure = await it.failure({ before: apart(proc, tmpfs(path)) });
      expect(failure).toMatchObject({ errno: errno.EPERM, subject: path, detail: 'it lies inside procfs' });
    }
    const lines = await mountinfo(
      proc,
      proc,
      bind({ sourcePath: it.path('uptime'), root: 0, path: '/proc/uptime' }),
    );
    expect(lines.filter((line) => line.includes('/root/proc'))).toHaveLength(3);
  });

  test('procfs is not mounted through a link', async () => {
    symlinkSync('/bin', join(it.root, 'false-proc'));
    const failure = await it.failure({ before: apart(tmpfs('/false-proc', { fstype: 'proc' })) });
    expect(failure).toMatchObject({ errno: errno.ELOOP, detail: 'a symbolic link is in the way' });
  });

  test('overlay stacks 128 layers', async () => {
    const lower = Array.from({ length: 128 }, (_, index) => `layer-with-a-long-name-${index}`);
    lower.forEach((name, index) => {
      mkdirSync(it.path('layers', name), { recursive: true });
      writeFileSync(it.path('layers', name, `file-${index}`), `${index}`);
    });
    for (const name of ['upper', 'work', 'merged']) mkdirSync(it.path(name));
    const overlay = {
      op: 'overlay',
      target: it.path('merged'),
      layersDir: it.path('layers'),
      lower,
      options: ['index=off'],
      attributes: 0,
    } as const;
    const before = apart(
      { ...overlay, upper: it.path('upper'), work: it.path('work') },
      { op: 'read', dir: HOST, path: it.path('merged/file-127'), limit: 9 },
    );
    const { results } = await it.run({ before });
    expect(new TextDecoder().decode(results.get(5))).toBe('127');
    const tooMany = { ...overlay, lower: [...lower, ...lower], upper: '', work: '' };
    expect(await it.failure({ before: apart(tooMany) })).toMatchObject({
      errno: errno.E2BIG,
      detail: '256 layers',
    });
  });

  test('erofs mounts an index with its device', async () => {
    mkdirSync(it.path('source'));
    writeFileSync(it.path('source/big'), 'x'.repeat(100_000));
    const made = spawnSync('mkfs.erofs', [
      '--chunksize=4096',
      `--blobdev=${it.path('blob')}`,
      it.path('index'),
      it.path('source'),
    ]);
    expect(made.status).toBe(0);
    mkdirSync(it.path('view'));
    const erofs = {
      op: 'erofs',
      image: it.path('index'),
      devices: [it.path('blob')],
      target: it.path('view'),
    } as const;
    const before = apart(erofs, { op: 'read', dir: HOST, path: it.path('view/big'), limit: 1 << 20 });
    const { results } = await it.run({ before });
    expect(results.get(5)).toHaveLength(100_000);
    const broken = await it.failure({ before: apart({ ...erofs, image: it.path('blob') }) });
    expect(broken).toMatchObject({ operation: 'erofs', errno: errno.EINVAL });
  });

  test('unmount takes what is not mounted for unmounted', async () => {
    const unmount = { op: 'unmount', path: it.root, flags: k.MNT_DETACH } as const;
    await it.run({ before: apart(unmount, unmount, { ...unmount, path: it.path('missing') }) });
  });

  test('mask hides files and directories, protect makes read-only, missing paths are fine', async () => {
    const hide = (path: string): Operation => ({ op: 'mask', root: 0, path });
    const output = await it.output(
      'cat /proc/keys | wc -c; ls /proc/fs | wc -l; ls /etc | wc -l; echo 1 > /proc/sys/kernel/panic; echo 0 > /etc/x; ls -l /proc/keys | cut -c1-10',
      [
        { op: 'protect', root: 0, path: '/proc/sys' },
        { op: 'protect', root: 0, path: '/proc/nothing' },
        ...['/proc/keys', '/proc/fs', '/etc', '/proc/nothing'].map(hide),
      ],
    );
    expect(output.slice(0, 3)).toEqual(['0', '0', '0']);
    expect(output[3]).toContain('/proc/sys/kernel/panic: Read-only file system');
    expect(output[4]).toContain('Read-only file system');
    expect(output[5]).toBe('crw-rw-rw-');
  });

  test('mask refuses a /dev/null that an image put there (CVE-2025-31133)', async () => {
    const mask: Operation = { op: 'mask', root: 0, path: '/etc/passwd' };
    const unlink: Operation = { op: 'unlink', dir: 0, path: '/dev/null', flags: 0 };
    const link = it.container('true', [
      unlink,
      { op: 'symlink', root: 0, path: '/dev/null', target: '/proc/sys/kernel/core_pattern' },
      mask,
    ]);
    expect(await it.failure(link)).toMatchObject({
      operation: 'mask',
      subject: '/dev/null',
      detail: 'it is not the null device',
    });
    const file = it.container('true', [
      unlink,
      { op: 'touch', root: 0, path: '/dev/null', mode: 0o666 },
      mask,
    ]);
    expect(await it.failure(file)).toMatchObject({ operation: 'mask', detail: 'it is not the null device' });
  });

  test('pivot leaves nothing of the host', async () => {
    const output = await it.output('cut -d" " -f5 /proc/self/mountinfo; ls /');
    expect(output.slice(0, 5)).toEqual(['/', '/proc', '/dev', '/dev/pts', 'astray']);
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(it.directory);
  });

  test('moveRoot makes a root where pivoting is not possible', async () => {
    const plan = it.container('ls /bin/busybox');
    const child = plan.child.map(
      (step): Operation => (step.op === 'pivot' ? { op: 'moveRoot', root: 0 } : step),
    );
    rmSync(join(it.root, 'out/log'), { force: true });
    await it.run({ ...plan, child });
    expect(readFileSync(join(it.root, 'out/log'), 'utf8')).toBe('/bin/busybox\n');
  });
});
