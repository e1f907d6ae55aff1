import { describe, expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { decompress, peek } from './compression.ts';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

const plain = Buffer.alloc(3_000_000, 'sampan ');

function compressedBy(program: string, options: readonly string[], input: Uint8Array): Buffer {
  const { stdout, status } = spawnSync(program, ['-c', ...options], { input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} failed`);
  return stdout;
}

describe('decompress', () => {
  test.each([
    ['plain', plain],
    ['gzip', gzipSync(plain)],
    ['zstd', zstdCompressSync(plain)],
    [
      'zstd of several frames',
      Buffer.concat([
        zstdCompressSync(plain.subarray(0, 1000)),
        Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
        compressedBy('zstd', ['-19', '--check'], plain.subarray(1000)),
      ]),
    ],
    [
      'gzip of two members',
      Buffer.concat([gzipSync(plain.subarray(0, 1000)), gzipSync(plain.subarray(1000))]),
    ],
    ['bzip2', compressedBy('bzip2', [], plain)],
    ['xz', compressedBy('xz', [], plain)],
  ])('%s bytes come back whole', async (_, bytes) => {
    for (const size of [bytes.length, 65_536, 1_000]) {
      expect((await collect(decompress(pieces(bytes, size)))).equals(plain)).toBe(true);
    }
  });

  test.each(['bzip2', 'xz'])('%s of noise comes back whole, however slowly it is read', async (program) => {
    const noise = randomBytes(1_500_000);
    const parts: Uint8Array[] = [];
    for await (const part of decompress(pieces(compressedBy(program, ['-1'], noise), 65_536))) {
      await Bun.sleep(0);
      parts.push(part);
    }
    expect(Buffer.concat(parts).equals(noise)).toBe(true);
  });

  test('an empty stream is empty', async () => {
    expect(await collect(decompress(pieces(new Uint8Array(0), 1)))).toHaveLength(0);
  });

  test.each([
    ['gzip', gzipSync(plain).subarray(0, 2_000)],
    ['zstd', zstdCompressSync(plain).subarray(0, 200)],
    ['bzip2', compressedBy('bzip2', [], plain).subarray(0, -20)],
    ['xz', compressedBy('xz', [], plain).subarray(0, -40)],
  ])('a truncated %s stream is refused', async (name, cut) => {
    await expect(collect(decompress(pieces(cut, 512)))).rejects.toThrow(`invalid ${name} data`);
  });

  test('a zstd stream that is cut off anywhere is refused', async () => {
    const whole = compressedBy('zstd', ['--check'], Buffer.from('hello '.repeat(100)));
    for (let length = 4; length < whole.length; length++) {
      await expect(collect(decompress(pieces(whole.subarray(0, length), 7)))).rejects.toThrow('zstd data');
    }
  });

  test('a failing source fails the reader', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync(plain).subarray(0, 100);
      throw new Error('connection lost');
    }
    await expect(collect(decompress(failing()))).rejects.toThrow('connection lost');
  });

  test.each([
    ['gzip', gzipSync(Buffer.alloc(1 << 20))],
    ['zstd', zstdCompressSync(Buffer.alloc(1 << 20))],
  ])('a %s source that fails while the reader is busy fails the reader alone', async (_, bytes) => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const busy = Promise.withResolvers<void>();
    async function* source(): AsyncGenerator<Uint8Array> {
      yield bytes;
      await busy.promise;
      throw new Error('broken');
    }
    const read = async (): Promise<void> => {
      for await (const _ of decompress(source())) {
        busy.resolve();
        await Bun.sleep(1);
      }
    };
    await expect(read()).rejects.toThrow('broken');
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  test('a reader that stops early ends the source', async () => {
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield plain;
      } finally {
        ended = true;
      }
    }
    for await (const _ of decompress(endless())) break;
    expect(ended).toBe(true);
  });

  test.each(['bzip2', 'xz'])('%s ends its thread with a reader that stops early', async (program) => {
    const bytes = compressedBy(program, [], plain);
    for await (const _ of decompress(pieces(bytes, 64))) {
      expect(threads()).toBe(1);
      break;
    }
    for (let tries = 0; threads() > 0 && tries < 200; tries++) await Bun.sleep(10);
    expect(threads()).toBe(0);
  });
});

/** Threads of this process that a `Worker` runs in. */
function threads(): number {
  return readdirSync('/proc/self/task').filter((task) =>
    readFileSync(`/proc/self/task/${task}/comm`, 'utf8').startsWith('Worker'),
  ).length;
}

test('peek gives the head and keeps the whole stream', async () => {
  const { head, rest } = await peek(pieces(Buffer.from('abcdefgh'), 2), 3);
  expect(Buffer.from(head).toString()).toBe('abcd');
  expect((await collect(rest)).toString()).toBe('abcdefgh');
});
