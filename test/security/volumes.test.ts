import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { makeBusyboxRoot, tarOf } from '../fixtures/busybox-root.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Volumes and images that do all they can to lead the engine out of them. */

const OUTSIDE = 'a secret of the host';
const INSIDE = 'of the volume';
const STARTS = 60;

/** A directory of the host that no container is given. */
const canary = mkdtempSync(join(tmpdir(), 'sampan-canary-'));

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  writeFileSync(join(canary, 'secret'), OUTSIDE);
  await importHostileImage();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(canary, { recursive: true });
});

/** Nothing of the host was changed. */
function expectCanaryWhole(): void {
  expect(readdirSync(canary)).toEqual(['secret']);
  expect(readFileSync(join(canary, 'secret'), 'utf8')).toBe(OUTSIDE);
}

/** Its mount points are links that lead out, and what is below them is of odd kinds. */
async function importHostileImage(): Promise<void> {
  const root = join(daemon.home, 'hostile');
  mkdirSync(root);
  makeBusyboxRoot(root);
  copyFileSync(buildStaticProgram('swap-names'), join(root, 'bin/swap-names'));
  symlinkSync(canary, join(root, 'absolute'));
  symlinkSync(`../../../../../..${canary}`, join(root, 'relative'));
  symlinkSync('/', join(root, 'top'));
  symlinkSync('loop', join(root, 'loop'));
  const odd = join(root, 'odd');
  mkdirSync(odd);
  symlinkSync(canary, join(odd, 'link'));
  expect(spawnSync('mknod', [join(odd, 'disk'), 'b', '254', '0']).status).toBe(0);
  expect(spawnSync('mkfifo', [join(odd, 'pipe')]).status).toBe(0);
  const url = 'http://d/images/create?fromSrc=-&repo=hostile';
  const answer = await fetch(url, { method: 'POST', unix: daemon.socket, body: tarOf(root) });
  expect(await answer.text()).not.toContain('error');
}

function mountpoint(name: string): string {
  return daemon.sampan('volume', 'inspect', '-f', '{{.Mountpoint}}', name);
}

function shell(script: string, ...flags: string[]) {
  return daemon.run('sampan', ['run', '--rm', ...flags, 'hostile', 'sh', '-c', script]);
}

describe('a part of a volume', () => {
  beforeAll(() => {
    const script = `cd /v; ln -s ${canary} out; ln -s ../../../../../../..${canary} up; ln -s / top; ln -s out far`;
    expect(shell(script, '-v', 'links:/v').status).toBe(0);
  });

  test.each(['out', 'up', 'far', `top${canary}`, 'out/secret'])('never lies outside of it: %s', (subpath) => {
    const mount = `source=links,target=/part,volume-subpath=${subpath}`;
    const { stdout } = shell('cat /part /part/secret; echo hello > /part/written', '--mount', mount);
    expect(stdout).not.toContain(OUTSIDE);
    expectCanaryWhole();
  });

  test.each(['../x', 'a/../../x', '/etc', '..'])('is not named %s', (subpath) => {
    const mount = `source=links,target=/part,volume-subpath=${subpath}`;
    const { status, stderr } = shell('true', '--mount', mount);
    expect(stderr).toContain('subpath must be a relative path within the volume');
    expect(status).toBe(125);
  });

  test('is never filled outside of it', () => {
    for (const subpath of ['out', 'up', 'far']) {
      daemon.run('sampan', [
        ...['create', '--name', 'filler', '--mount', `source=links,target=/etc,volume-subpath=${subpath}`],
        'hostile',
      ]);
      daemon.run('sampan', ['rm', 'filler']);
    }
    expectCanaryWhole();
  });

  test('that changes places with a link to the host shows the host never', () => {
    const setUp = `cd /v; mkdir -p part; echo ${INSIDE} > part/secret; ln -s ${canary} swapped; exec swap-names part swapped`;
    daemon.sampan('run', '-d', '--name', 'swapper', '-v', 'race:/v', 'hostile', 'sh', '-c', setUp);
    const seen = new Set<string>();
    for (let start = 0; start < STARTS; start++) {
      const mount = 'source=race,target=/part,volume-subpath=part';
      const { stdout, status } = shell('cat /part/secret; echo x > /part/written', '--mount', mount);
      seen.add(stdout.trim() || `status ${status}`);
    }
    daemon.sampan('rm', '-f', 'swapper');
    expect(seen).toContain(INSIDE);
    expect(seen).not.toContain(OUTSIDE);
    expectCanaryWhole();
  }, 120_000);
});

describe('what an image has at a mount point', () => {
  test.each(['/absolute', '/relative', `/top${canary}`, '/loop'])(
    'is its own, also behind the link %s',
    (path) => {
      const { status } = daemon.run('sampan', ['create', '--name', 'maker', '-v', `up:${path}`, 'hostile']);
      if (status === 0) {
        expect(readdirSync(mountpoint('up'))).toEqual([]);
        daemon.sampan('rm', 'maker');
      }
      daemon.run('sampan', ['volume', 'rm', 'up']);
      expectCanaryWhole();
    },
  );

  test('is copied as it is: links stay links, devices give no power', () => {
    const { stdout, stderr } = shell('ls /v; cat /v/disk', '-v', 'odd:/odd', '-v', 'odd:/v');
    expect(stdout).toBe('disk\nlink\npipe\n');
    expect(stderr).toContain('Operation not permitted');
    expect(lstatSync(join(mountpoint('odd'), 'link')).isSymbolicLink()).toBe(true);
    // A clone and a snapshot of it neither open the device nor wait for the pipe.
    daemon.sampan('volume', 'clone', 'odd', 'odder');
    daemon.sampan('volume', 'snapshot', 'odd');
    expect(lstatSync(join(mountpoint('odder'), 'disk')).isBlockDevice()).toBe(true);
    expectCanaryWhole();
  });

  test('lies where users of the host do not get', () => {
    expect(statSync(join(daemon.home, 'data')).mode & 0o007).toBe(0);
  });

  test('is mounted from an image without leaving it', () => {
    for (const subpath of ['absolute', 'relative', `top${canary}`]) {
      const mount = `type=image,source=hostile,target=/i,image-subpath=${subpath}`;
      expect(shell('cat /i/secret', '--mount', mount).stdout).not.toContain(OUTSIDE);
    }
  });
});

const member = (header: TarHeader, text = ''): Buffer =>
  Buffer.concat([
    formatTarHeader({ mode: 0o755, size: text.length, ...header }),
    Buffer.from(text),
    tarPadding(text.length),
  ]);

describe('an archive that is imported', () => {
  const hostile: readonly (readonly [string, readonly Buffer[]])[] = [
    ['names above', [member({ type: 'file', name: '../../../escaped' }, 'x')]],
    [
      'a hard link to the host',
      [member({ type: 'hardlink', name: 'a', linkName: '../../../../../etc/passwd' })],
    ],
    [
      'a file behind a link',
      [
        member({ type: 'symlink', name: 'way', linkName: canary }),
        member({ type: 'file', name: 'way/escaped' }, 'x'),
      ],
    ],
    [
      'a directory that turns into a link',
      [
        member({ type: 'directory', name: 'way' }),
        member({ type: 'symlink', name: 'way', linkName: canary }),
        member({ type: 'file', name: 'way/secret' }, 'x'),
      ],
    ],
    ['an absolute name', [member({ type: 'file', name: `${canary}/escaped` }, 'x')]],
  ];
  test.each(hostile)('with %s changes nothing outside', (_what, members) => {
    daemon.run('sampan', ['volume', 'import', 'imported'], Buffer.concat([...members, tarEnd]));
    daemon.run('sampan', ['volume', 'rm', 'imported']);
    expectCanaryWhole();
    expect(readdirSync(join(daemon.home, 'data/volumes'))).not.toContain('escaped');
  });
});

describe('names', () => {
  const names = [
    '..',
    '.',
    '../x',
    'a/b',
    '.snapshots',
    '.removing-x',
    'a\0b',
    'a\nb',
    '-x',
    'é',
    ' '.repeat(3),
  ];
  const before = () => readdirSync(join(daemon.home, 'data/volumes')).sort();

  test.each(names)('that are no names of volumes make none: %p', async (name) => {
    const there = before();
    expect((await daemon.request('POST', '/volumes/create', { Name: name })).status).toBe(400);
    await daemon.request('POST', '/volumes/create', { Name: 'plain' });
    const query = encodeURIComponent(name);
    for (const path of [`rename?name=${query}`, `clone?name=${query}`, `snapshots?snapshot=${query}`]) {
      expect((await daemon.request('POST', `/volumes/plain/${path}`)).status).toBe(400);
    }
    for (const path of [query, `${query}/archive`]) {
      expect((await daemon.request('GET', `/volumes/${path}`)).status).toBeGreaterThanOrEqual(400);
    }
    const restore = `/volumes/plain/restore?snapshot=${query}`;
    expect((await daemon.request('POST', restore)).status).toBeGreaterThanOrEqual(400);
    expect((await daemon.request('DELETE', '/volumes/plain')).status).toBe(204);
    expect(before()).toEqual(there);
  });

  test.each([
    { device: 'a\0b', type: 'none', o: 'bind' },
    { device: '/', type: 'x\0', o: 'a\0,b' },
  ])('of devices that hold zero bytes fail the mount alone: %p', async (DriverOpts) => {
    await daemon.request('POST', '/volumes/create', { Name: 'zero', DriverOpts });
    const { status } = shell('true', '-v', 'zero:/v');
    expect(status).not.toBe(0);
    expect((await daemon.request('DELETE', '/volumes/zero')).status).toBe(204);
  });
});
