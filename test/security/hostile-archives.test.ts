import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip, gzipSync } from 'node:zlib';
import { formatTarHeader, type TarHeader, tarEnd, tarPadding } from '../../src/oci/tar/writer.ts';
import { TestDaemon } from '../fixtures/test-daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});
afterAll(() => daemon[Symbol.asyncDispose]());

function member(header: TarHeader, data = ''): Buffer {
  const body = Buffer.from(data);
  const full = { mode: 0o644, ...header, ...(header.type === 'file' ? { size: body.length } : {}) };
  return Buffer.concat([formatTarHeader(full), body, tarPadding(body.length)]);
}

async function importTar(body: Buffer | ReadableStream): Promise<{ status: number; text: string }> {
  const answer = await fetch('http://d/images/create?fromSrc=-&repo=hostile', {
    method: 'POST',
    unix: daemon.socket,
    body,
  });
  return { status: answer.status, text: await answer.text() };
}

describe('a layer', () => {
  const upAndOut = `${'../'.repeat(12)}tmp/sampan-escape-${process.pid}`;
  const target = `/tmp/sampan-escape-${process.pid}`;

  test.each<[string, Buffer]>([
    ['a name with ..', member({ type: 'file', name: upAndOut }, 'x')],
    ['an absolute name', member({ type: 'file', name: target }, 'x')],
    [
      'a hard link to the outside',
      member({ type: 'hardlink', name: 'link', linkName: `${'../'.repeat(12)}etc/shadow` }),
    ],
    [
      'a name through a link to the outside',
      Buffer.concat([
        member({ type: 'symlink', name: 'd', linkName: '/tmp' }),
        member({ type: 'file', name: `d/sampan-escape-${process.pid}` }, 'x'),
      ]),
    ],
    ['a whiteout through ..', member({ type: 'file', name: `${'../'.repeat(12)}tmp/.wh.x` })],
  ])('with %s touches nothing outside', async (_, body) => {
    const { text } = await importTar(Buffer.concat([body, tarEnd]));
    expect(existsSync(target)).toBe(false);
    if (!text.includes('"error"')) {
      const seen = daemon.run('sampan', ['run', '--rm', '--entrypoint', '/x', 'hostile']);
      expect(seen.status).toBeOneOf([125, 127]);
    }
    expect(await daemon.answers()).toBe(true);
  });

  test.each<[string, Buffer]>([
    ['random bytes', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 251))],
    ['a cut-off archive', member({ type: 'file', name: 'a' }, 'x'.repeat(5_000)).subarray(0, 2_000)],
    ['broken gzip', gzipSync(Buffer.alloc(100_000)).subarray(0, 60)],
  ])('of %s is refused and leaves no image', async (_, body) => {
    const before = daemon.sampan('images', '-q').split('\n').length;
    const { status, text } = await importTar(body);
    expect(status >= 400 || text.includes('"error"')).toBe(true);
    expect(daemon.sampan('images', '-q').split('\n').length).toBe(before);
  });

  test('that inflates to a thousand times its size stays out of memory', async () => {
    const size = 2 ** 30;
    async function* bomb(): AsyncGenerator<Buffer> {
      yield formatTarHeader({ type: 'file', name: 'zeros', mode: 0o644, size });
      const chunk = Buffer.alloc(1 << 20);
      for (let written = 0; written < size; written += chunk.length) yield chunk;
      yield Buffer.from(tarEnd);
    }
    const packed = Buffer.concat(await Array.fromAsync(Readable.from(bomb()).pipe(createGzip({ level: 1 }))));
    const { text } = await importTar(packed);
    expect(text).toContain('sha256:');
    const [, peak = '0'] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8')) ?? [];
    expect(Number(peak) / 1024).toBeLessThan(256);
    daemon.sampan('rmi', 'hostile');
    expect(existsSync(join(daemon.home, 'data/content'))).toBe(true);
  });
});
