import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { fill, smallDisk } from '../fixtures/small-disk.ts';
import { type Json, TestDaemon } from '../fixtures/test-daemon.ts';

/** Contexts that no client of good will sends, and builds that cannot end well. */

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

const upAndOut = '../'.repeat(12);
const target = `/tmp/sampan-escape-${process.pid}`;

function member(header: TarHeader, data = ''): Buffer {
  const body = Buffer.from(data);
  const full = { mode: 0o644, ...header, ...(header.type === 'file' ? { size: body.length } : {}) };
  return Buffer.concat([formatTarHeader(full), body, tarPadding(body.length)]);
}

function dockerfile(...lines: string[]): Buffer {
  return member({ type: 'file', name: 'Dockerfile' }, `${['FROM busybox', ...lines].join('\n')}\n`);
}

function archive(...members: readonly Buffer[]): Buffer {
  return Buffer.concat([...members, tarEnd]);
}

async function post(
  body: Buffer | ReadableStream,
  query = '',
  on = daemon,
): Promise<{ failed: boolean; text: string }> {
  // A failed build may end its connection.
  const headers = { Connection: 'close' };
  const answer = await fetch(`http://d/build?${query}`, { method: 'POST', unix: on.socket, body, headers });
  const text = await answer.text();
  return { failed: !answer.ok || text.includes('"error"'), text };
}

/** What a daemon keeps for builds. */
function kept(on = daemon): string[] {
  return ['data/build', 'data/snapshots', 'data/content', 'run/build'].flatMap((path) => {
    const whole = join(on.home, path);
    return existsSync(whole) ? readdirSync(whole, { recursive: true, encoding: 'utf8' }).sort() : [];
  });
}

describe('a context', () => {
  const all = 'COPY . /all/\nRUN cd /all && find . | sort && cat $(find . -type f) 2>/dev/null; true';

  test.each<[string, readonly Buffer[]]>([
    ['a name with ..', [member({ type: 'file', name: `${upAndOut}${target}` }, 'x')]],
    ['an absolute name', [member({ type: 'file', name: target }, 'x')]],
    [
      'a hard link to the outside',
      [member({ type: 'hardlink', name: 'h', linkName: `${upAndOut}etc/passwd` })],
    ],
    ['a hard link to an absolute name', [member({ type: 'hardlink', name: 'h', linkName: '/etc/passwd' })]],
    [
      'a name through a link to the outside',
      [
        member({ type: 'symlink', name: 'd', linkName: '/tmp' }),
        member({ type: 'file', name: `d/sampan-escape-${process.pid}` }, 'x'),
      ],
    ],
    [
      'a directory that becomes a link',
      [
        member({ type: 'directory', name: 'd', mode: 0o755 }),
        member({ type: 'symlink', name: 'd', linkName: '/tmp' }),
        member({ type: 'file', name: `d/sampan-escape-${process.pid}` }, 'x'),
      ],
    ],
    [
      'links in a circle',
      [
        member({ type: 'symlink', name: 'a', linkName: 'b' }),
        member({ type: 'symlink', name: 'b', linkName: 'a' }),
      ],
    ],
    ['a link to the host', [member({ type: 'symlink', name: 'l', linkName: '/etc' })]],
    [
      'removals of layers',
      [member({ type: 'file', name: '.wh.bin' }), member({ type: 'file', name: '.wh..wh..opq' })],
    ],
    [
      'the same name twice',
      [member({ type: 'file', name: 'a' }, 'one'), member({ type: 'file', name: 'a' }, 'two')],
    ],
  ])('with %s reaches nothing outside', async (_, members) => {
    const { text } = await post(archive(dockerfile(...all.split('\n')), ...members));
    expect(existsSync(target)).toBe(false);
    expect(text).not.toContain('root:x:0:0:root:/root:/bin/bash');
    expect(text).not.toMatch(/\.\/.*\/shadow/);
    expect(await daemon.answers()).toBe(true);
  });

  test.each(['l/passwd', 'l', '/etc/passwd', '../../../../../../../../etc/passwd', 'l/../../etc/passwd'])(
    'is not left by a COPY of "%s"',
    async (source) => {
      const link = member({ type: 'symlink', name: 'l', linkName: '/etc' });
      const { failed, text } = await post(archive(dockerfile(`COPY ${source} /x`), link), 'nocache=1');
      expect(failed).toBe(true);
      expect(text).not.toContain('root:');
    },
  );

  test.each([
    '["../../etc",null,0,["passwd",33188,5,1,""]]',
    '["",null,0,["../../etc/passwd",33188,5,1,""]]',
    '["",null,0,["a",8630,0,1,""]]',
    '["/etc",null,0]',
    '[]',
  ])('is not told by the listing %s', async (listing) => {
    const before = kept();
    const ask = (path: string, body: Uint8Array | string): Promise<Response> =>
      fetch(`http://d/build/contexts/${path}`, { method: 'POST', unix: daemon.socket, body });
    const name = createHash('sha256').update(listing).digest();
    const compared: Json = await (await ask(`compare?key=${'a'.repeat(64)}`, name)).json();
    expect(compared.Unknown).toEqual([0]);
    const refused = await ask(`list?context=${compared.ID}`, listing);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('invalid listing')]);
    const other = await ask(`list?context=${compared.ID}`, '["",null,0]');
    expect([other.status, await other.text()]).toEqual([
      400,
      expect.stringContaining('the one that was named'),
    ]);
    const built = await post(archive(), `context=${compared.ID}`);
    expect([built.failed, built.text]).toEqual([true, expect.stringContaining('was not sent')]);
    expect(kept()).toEqual(before);
  });

  test('may hold devices, which open nothing', async () => {
    const body = archive(
      dockerfile(
        'COPY . /all/',
        'RUN for name in disk memory; do head -c 1 /all/$name && exit 9; done; true',
      ),
      member({ type: 'block', name: 'disk', major: 8, minor: 0 }),
      member({ type: 'character', name: 'memory', major: 1, minor: 1 }),
    );
    const { failed, text } = await post(body);
    expect(failed).toBe(false);
    expect(text.match(/Operation not permitted|Permission denied/g)).toHaveLength(2);
  });

  test.each([
    '../../../../../../../../etc/passwd',
    '/etc/passwd',
    `${'a/'.repeat(3_000)}Dockerfile`,
    'link',
    'directory',
    'fifo',
    '',
    '.',
  ])('has no Dockerfile "%.40s"', async (name) => {
    const body = archive(
      member({ type: 'symlink', name: 'link', linkName: '/etc/passwd' }),
      member({ type: 'directory', name: 'directory', mode: 0o755 }),
      member({ type: 'fifo', name: 'fifo' }),
    );
    const { failed, text } = await post(body, `dockerfile=${encodeURIComponent(name)}`);
    expect(failed).toBe(true);
    expect(text).not.toContain('root:x:');
  });

  test.each<[string, () => Buffer]>([
    ['random bytes', () => Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 251))],
    ['nothing', () => Buffer.alloc(0)],
    [
      'a cut-off archive',
      () => archive(dockerfile(), member({ type: 'file', name: 'a' }, 'x'.repeat(5_000))).subarray(0, 3_000),
    ],
    ['broken gzip', () => gzipSync(Buffer.alloc(100_000)).subarray(0, 60)],
    [
      'a Dockerfile of 20 MB',
      () => archive(member({ type: 'file', name: 'Dockerfile' }, 'FROM busybox\n'.repeat(1_600_000))),
    ],
    [
      'a Dockerfile that is an archive',
      () => archive(member({ type: 'file', name: 'Dockerfile' }, '\0'.repeat(10_000))),
    ],
    [
      'an ignore file of bad patterns',
      () => archive(dockerfile('COPY . /x'), member({ type: 'file', name: '.dockerignore' }, 'a[')),
    ],
  ])('that is %s is refused and leaves nothing', async (_, body) => {
    const before = kept();
    expect((await post(body())).failed).toBe(true);
    expect(kept()).toEqual(before);
  });

  test('that inflates to a thousand times its size stays out of memory', async () => {
    const size = 2 ** 29;
    async function* bomb(): AsyncGenerator<Buffer> {
      yield dockerfile();
      yield formatTarHeader({ type: 'file', name: 'zeros', mode: 0o644, size });
      const chunk = Buffer.alloc(1 << 20);
      for (let written = 0; written < size; written += chunk.length) yield chunk;
      yield Buffer.from(tarEnd);
    }
    const packed = Buffer.concat(await Array.fromAsync(Readable.from(bomb()).pipe(createGzip({ level: 1 }))));
    await post(packed);
    const [, peak = '0'] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8')) ?? [];
    expect(Number(peak) / 1024).toBeLessThan(300);
  });

  test('whose client goes half-way leaves nothing', async () => {
    const before = kept();
    const giveUp = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      yield dockerfile('COPY . /x');
      yield formatTarHeader({ type: 'file', name: 'large', mode: 0o644, size: 2 ** 33 });
      for (let chunk = 0; ; chunk++) {
        if (chunk === 20) giveUp.abort();
        yield Buffer.alloc(1 << 20, 'x');
        await Bun.sleep(5);
      }
    }
    const body = Readable.toWeb(Readable.from(endless())) as ReadableStream;
    const init = { method: 'POST', unix: daemon.socket, body, signal: giveUp.signal };
    await expect(fetch('http://d/build', init)).rejects.toThrow();
    for (let tries = 0; tries < 500 && kept().length !== before.length; tries++) await Bun.sleep(10);
    expect(kept()).toEqual(before);
  });
});

describe('a full disk', () => {
  test('ends a build with its reason, leaves nothing, and the next one succeeds when there is room', async () => {
    using disk = smallDisk(96);
    await using full = await TestDaemon.start(['--data-root', join(disk.path, 'data')]);
    const stored = (): string[] =>
      readdirSync(join(disk.path, 'data'), { recursive: true, encoding: 'utf8' })
        .filter((name) => /^(?:content|snapshots|build)\/.*/.test(name))
        .sort();
    const copied = archive(
      dockerfile('COPY large /x'),
      member({ type: 'file', name: 'large' }, 'y'.repeat(20_000_000)),
    );
    const run = archive(dockerfile('RUN head -c 60000000 /dev/urandom >/x && sync'));
    const before = stored();
    const ballast = join(disk.path, 'ballast');
    for (const [body, room] of [
      [copied, 6_000_000],
      [copied, 28_000_000],
      [run, 30_000_000],
    ] as const) {
      fill(ballast, room, disk.path);
      const { failed, text } = await post(body, '', full);
      expect(failed).toBe(true);
      expect(text).toMatch(/no space left on device|no space is left|returned a non-zero code/i);
      for (let tries = 0; tries < 200 && stored().length !== before.length; tries++) await Bun.sleep(10);
      expect(stored()).toEqual(before);
    }
    rmSync(ballast);
    expect((await post(copied, 't=fits', full)).failed).toBe(false);
    expect(full.sampan('run', '--rm', 'fits', 'sh', '-c', 'wc -c </x')).toBe('20000000');
  }, 120_000);
});
