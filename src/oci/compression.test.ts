import { describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { decompress, detectCompression, peek } from './compression.ts';

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

const plain = Buffer.alloc(3_000_000, 'sampan ');

describe('decompress', () => {
  test.each([
    ['plain', plain],
    ['gzip', gzipSync(plain)],
    ['zstd', zstdCompressSync(plain)],
    [
      'gzip of two members',
      Buffer.concat([gzipSync(plain.subarray(0, 1000)), gzipSync(plain.subarray(1000))]),
    ],
  ])('%s bytes come back whole', async (_, bytes) => {
    for (const size of [bytes.length, 65_536, 1_000]) {
      expect((await collect(decompress(pieces(bytes, size)))).equals(plain)).toBe(true);
    }
  });

  test('an empty stream is empty', async () => {
    expect(await collect(decompress(pieces(new Uint8Array(0), 1)))).toHaveLength(0);
  });

  test('a truncated gzip stream is refused', async () => {
    const cut = gzipSync(plain).subarray(0, 2_000);
    await expect(collect(decompress(pieces(cut, 512)))).rejects.toThrow('invalid gzip data');
  });

  test('a failing source fails the reader', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync(plain).subarray(0, 100);
      throw new Error('connection lost');
    }
    await expect(collect(decompress(failing()))).rejects.toThrow('connection lost');
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

  test('xz is named as unsupported', async () => {
    const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 0);
    expect(detectCompression(xz)).toBe('xz');
    await expect(collect(decompress(pieces(xz, 8)))).rejects.toThrow(
      'xz compressed archives are not supported',
    );
  });
});

test('peek gives the head and keeps the whole stream', async () => {
  const { head, rest } = await peek(pieces(Buffer.from('abcdefgh'), 2), 3);
  expect(Buffer.from(head).toString()).toBe('abcd');
  expect((await collect(rest)).toString()).toBe('abcdefgh');
});
