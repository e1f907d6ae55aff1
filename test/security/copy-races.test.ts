import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { makeBusyboxRoot, tarOf } from '../fixtures/busybox-root.ts';
import { buildStaticProgram } from '../fixtures/static-program.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

/** Copies into and out of containers that do all they can to lead them astray. */

const OUTSIDE = 'a secret of the host';
const INSIDE = 'of the container';
const COPIES = 500;

/** A directory of the host whose path exists in containers too, with other content. */
const canary = mkdtempSync(join(tmpdir(), 'sampan-canary-'));

const marks = ['/marked-by-program', '/marked-by-library'];

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  writeFileSync(join(canary, 'secret'), OUTSIDE);
  importHostileImage();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(canary, { recursive: true });
});

/** Whatever an engine that copies files might run or load leaves a mark. */
function importHostileImage(): void {
  const root = join(daemon.home, 'hostile');
  mkdirSync(root);
  makeBusyboxRoot(root);
  copyFileSync(buildStaticProgram('swap-names'), join(root, 'bin/swap-names'));
  for (const name of ['tar', 'xz', 'unpigz', 'gzip', 'zstd', 'docker-tar', 'docker-untar', 'getent']) {
    const path = join(root, 'bin', name);
    rmSync(path, { force: true });
    writeFileSync(path, `#!/bin/sh\n: >${marks[0]}\nexit 1\n`);
    chmodSync(path, 0o755);
  }
  const libraries = join(root, 'lib/x86_64-linux-gnu');
  mkdirSync(libraries, { recursive: true });
  const source = join(import.meta.dir, '../fixtures/marking-library.c');
  for (const name of ['files', 'compat', 'dns', 'systemd']) {
    const library = join(libraries, `libnss_${name}.so.2`);
    const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cc failed: ${stderr}`);
  }
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'passwd: files compat systemd\ngroup: files\n');
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nmallory:x:1234:1234::/:/bin/sh\n');
  expect(daemon.run('sampan', ['import', '-', 'hostile'], tarOf(root)).status).toBe(0);
}

function tar(...members: readonly (readonly [header: TarHeader, data?: string])[]): Buffer {
  const blocks = members.flatMap(([header, text = '']) => {
    const data = Buffer.from(text);
    const full = { mode: 0o644, ...header, ...(header.type === 'file' ? { size: data.length } : {}) };
    return [formatTarHeader(full), data, tarPadding(data.length)];
  });
  return Buffer.concat([...blocks, tarEnd]);
}

function file(name: string, data = 'x'): Buffer {
  return tar([{ type: 'file', name }, data]);
}

function archiveUrl(container: string, path: string, query = ''): string {
  return `http://d/containers/${container}/archive?path=${encodeURIComponent(path)}${query}`;
}

async function get(container: string, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(archiveUrl(container, path), { unix: daemon.socket });
  // A directory may go while it is read: then the archive breaks off, which is no way out.
  const text = await answer.text().catch((error) => String(error));
  return { status: answer.status, text };
}

async function put(container: string, path: string, body: Buffer, query = ''): Promise<number> {
  const answer = await fetch(archiveUrl(container, path, query), {
    method: 'PUT',
    unix: daemon.socket,
    body,
  });
  await answer.text();
  return answer.status;
}

function expectHostUntouched(): void {
  expect(readdirSync(canary)).toEqual(['secret']);
  expect(readFileSync(join(canary, 'secret'), 'utf8')).toBe(OUTSIDE);
  expect(marks.filter(existsSync)).toEqual([]);
}

/** In the container `place` is by turns a directory with the canary's path in it, and links that lead out. */
async function startSwapping(name: string): Promise<void> {
  const script = [
    `mkdir -p /w/place${canary} ${canary}`,
    `echo ${INSIDE} >/w/place${canary}/secret`,
    `echo ${INSIDE} >${canary}/secret`,
    'ln -s / /w/absolute; ln -s ../../../../../.. /w/relative; ln -s /proc/1/root /w/magic; ln -s /proc/self/cwd/.. /w/own',
    ': >/started; exec swap-names /w/place /w/absolute /w/relative /w/magic /w/own',
  ].join('; ');
  daemon.sampan('run', '-d', '--name', name, 'hostile', 'sh', '-c', script);
  for (let tries = 0; (await get(name, '/started')).status !== 200; tries++) {
    if (tries > 500) throw new Error(`${name} does not start: ${daemon.sampan('logs', name)}`);
    await Bun.sleep(10);
  }
}

describe('while a process swaps a directory for links that lead out', () => {
  beforeAll(() => startSwapping('swapper'));

  afterAll(() => {
    expect(daemon.sampan('inspect', '-f', '{{.State.Running}}', 'swapper')).toBe('true');
    daemon.sampan('rm', '-f', 'swapper');
  });

  test.each(['', '/.'])('nothing of the host is read, of a path through it%s', async (end) => {
    let found = 0;
    for (let copy = 0; copy < COPIES; copy++) {
      const path = end === '' ? `/w/place${canary}/secret` : `/w/place${canary}${end}`;
      const { text } = await get('swapper', path);
      expect(text).not.toContain(OUTSIDE);
      if (text.includes(INSIDE)) found++;
    }
    // Otherwise nothing was tried.
    expect(found).toBeGreaterThan(0);
  });

  test('nothing of the host is read, of all around it', async () => {
    for (let copy = 0; copy < COPIES; copy++) {
      const { text } = await get('swapper', '/w');
      expect(text).not.toContain(OUTSIDE);
    }
  });

  test('nothing of the host is written, to a path through it', async () => {
    let written = 0;
    for (let copy = 0; copy < COPIES; copy++) {
      if ((await put('swapper', `/w/place${canary}`, file('planted', 'x'))) === 200) written++;
    }
    expect(written).toBeGreaterThan(0);
    expectHostUntouched();
  });

  test('nothing of the host is written, by names through it', async () => {
    let written = 0;
    for (let copy = 0; copy < COPIES; copy++) {
      const status = await put('swapper', '/w', file(`place${canary}/planted`, 'x'));
      if (status === 200) written++;
    }
    expect(written).toBeGreaterThan(0);
    expectHostUntouched();
  });
});

describe.each(['running', 'stopped'])('an archive for a %s container', (state) => {
  const name = `target-${state}`;

  beforeAll(() => {
    const command = state === 'running' ? ['sleep', '100000'] : ['true'];
    daemon.sampan('run', '-d', '--name', name, 'hostile', ...command);
    if (state === 'stopped') daemon.sampan('wait', name);
  });

  afterAll(() => {
    daemon.sampan('rm', '-f', name);
  });

  const up = '../'.repeat(16);
  const outside = `${canary}/planted`;
  const link = (path: string, linkName: string): [TarHeader] => [{ type: 'symlink', name: path, linkName }];
  const chain = Array.from({ length: 60 }, (_, index) => link(`chain${index}`, `chain${index + 1}`));

  test.each<[string, Buffer]>([
    ['names with ..', file(`${up}${outside}`)],
    ['absolute names', file(outside)],
    [
      'hard links to the outside',
      tar([{ type: 'hardlink', name: 'hard', linkName: `${up}${canary}/secret` }]),
    ],
    ['hard links to absolute paths', tar([{ type: 'hardlink', name: 'hard', linkName: `${canary}/secret` }])],
    [
      'names through links to the root',
      tar(link('root', '/'), [{ type: 'file', name: `root${outside}` }, 'x']),
    ],
    ['names through links upwards', tar(link('up', up), [{ type: 'file', name: `up${outside}` }, 'x'])],
    [
      'names through links to links',
      tar(link('one', 'two'), link('two', '/tmp'), [
        { type: 'file', name: `one${canary.slice(4)}/planted` },
        'x',
      ]),
    ],
    ['chains of links', tar(...chain, [{ type: 'file', name: 'chain0/planted' }, 'x'])],
    ['links to themselves', tar(link('loop', 'loop'), [{ type: 'file', name: 'loop/planted' }, 'x'])],
    [
      'hard links to links to the outside',
      tar(
        link('far', `${canary}/secret`),
        [{ type: 'hardlink', name: 'near', linkName: 'far' }],
        [{ type: 'file', name: 'near' }, 'overwritten'],
      ),
    ],
    ['whiteouts', file(`${up}${canary}/.wh.secret`)],
    ['a link in place of the root', tar(link('.', canary), [{ type: 'file', name: 'planted' }, 'x'])],
    [
      'links in place of directories that come again',
      tar([{ type: 'directory', name: 'd', mode: 0o755 }], link('d', canary), [
        { type: 'file', name: 'd/planted' },
        'x',
      ]),
    ],
    ['magic links', tar(link('magic', '/proc/1/root'), [{ type: 'file', name: `magic${outside}` }, 'x'])],
  ])('with %s touches nothing of the host', async (_, archive) => {
    await put(name, '/tmp', archive);
    expectHostUntouched();
    expect(existsSync(outside)).toBe(false);
    expect(await daemon.answers()).toBe(true);
  });

  test.each<[string, Buffer]>([
    ['a size beyond all', raw({ size: '77777777777' })],
    ['a negative size', raw({ size: '-0000000001' })],
    ['a checksum that is wrong', raw({ checksum: '000000' })],
    ['an extended header that is too long', raw({ typeflag: 'x', size: '00777777777' })],
    ['an extended header whose lengths lie', raw({ typeflag: 'x', data: '99999999999999999999 path=x\n' })],
    [
      'an extended header with a size out of range',
      raw({ typeflag: 'x', data: '31 size=18446744073709551616\n' }),
    ],
    ['a name of 5,000 bytes', file('n'.repeat(5_000))],
    ['a component of 300 bytes', file('n'.repeat(300))],
    ['names with zeros in them', raw({ typeflag: 'x', data: '12 path=a\0b\n' })],
  ])('with %s is refused, and the container stays as it is', async (_, archive) => {
    expect(await put(name, '/tmp', archive)).toBe(400);
    expect((await get(name, '/etc/passwd')).text).toContain('mallory');
  });

  test('that breaks off in mid-body leaves a container that works', async () => {
    const whole = file('large', 'x'.repeat(3 << 20));
    const stop = new AbortController();
    async function* half(): AsyncGenerator<Uint8Array> {
      yield whole.subarray(0, 1 << 20);
      stop.abort();
      await new Promise(() => {});
    }
    const sending = fetch(archiveUrl(name, '/tmp'), {
      method: 'PUT',
      unix: daemon.socket,
      body: half(),
      signal: stop.signal,
    });
    await expect(sending).rejects.toThrow();
    expect(await put(name, '/tmp', file('after'))).toBe(200);
    expect((await get(name, '/tmp/after')).status).toBe(200);
    if (state === 'stopped') daemon.sampan('start', name);
  });

  test('with device nodes gives the container what it may not open', async () => {
    const archive = tar([{ type: 'block', name: 'disk', mode: 0o666, major: 8, minor: 0 }]);
    expect(await put(name, '/tmp', archive)).toBe(200);
    const { status } = daemon.run('sampan', ['run', '--rm', '--volumes-from', name, 'hostile', 'true']);
    expect(status).toBe(0);
    if (state === 'stopped') return;
    expect(daemon.run('sampan', ['exec', name, 'head', '-c1', '/tmp/disk']).stderr).toContain(
      'not permitted',
    );
  });
});

test('nothing of an image is run or loaded, whatever is done with its files', async () => {
  daemon.sampan('run', '-d', '--name', 'marker', '--user', 'mallory', 'hostile', 'sleep', '100000');
  for (const body of [file('plain'), gzipSync(file('gzip')), zstdCompressSync(file('zstd'))]) {
    expect(await put('marker', '/tmp', body, '&copyUIDGID=1')).toBe(200);
  }
  await put('marker', '/tmp', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]));
  expect((await get('marker', '/')).status).toBe(200);
  expect(daemon.run('docker', ['cp', '-a', 'marker:/etc', join(daemon.home, 'etc')]).status).toBe(0);
  expect(daemon.run('docker', ['commit', 'marker', 'marked']).status).toBe(0);
  expect(daemon.run('docker', ['export', '-o', join(daemon.home, 'export.tar'), 'marker']).status).toBe(0);
  const { stdout } = daemon.run('docker', ['diff', 'marker']);
  expect(stdout.split('\n').sort()).toEqual(['', 'A /tmp/gzip', 'A /tmp/plain', 'A /tmp/zstd', 'C /tmp']);
  expect((await get('marker', '/tmp/gzip')).text.slice(108, 115)).toBe('0002322');
  expectHostUntouched();
  expect(statSync(join(daemon.home, 'export.tar')).size).toBeGreaterThan(1 << 20);
  daemon.sampan('rm', '-f', 'marker');
});

/** One header block that nobody in their right mind writes, and its data. */
function raw(header: { typeflag?: string; size?: string; data?: string; checksum?: string }): Buffer {
  const data = Buffer.from(header.data ?? '');
  const block = Buffer.from(formatTarHeader({ type: 'file', name: 'odd', mode: 0o644, size: data.length }));
  if (header.size !== undefined) block.write(`${header.size}\0`, 124, 'latin1');
  block.write(header.typeflag ?? '0', 156, 'latin1');
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${header.checksum ?? sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, data, tarPadding(data.length), file('after')]);
}
