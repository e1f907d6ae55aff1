import { describe, expect, test } from 'bun:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { gzip } from './gzip.ts';

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function compressed(bytes: Uint8Array, size: number): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(gzip(cut(bytes, size))));
}

/** Neither all the same nor all random. */
function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = 1; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    bytes[at] = (state >> 16) % 23;
  }
  return bytes;
}

describe('gzip', () => {
  test('gives what gunzip takes, of several blocks too', async () => {
    for (const length of [0, 1, 512 << 10, (512 << 10) + 1, 1_700_000]) {
      const bytes = sample(length);
      expect(gunzipSync(await compressed(bytes, 100_000)).equals(bytes)).toBe(true);
    }
  });

  test('gives the same bytes however the source was cut', async () => {
    const bytes = sample(1_300_000);
    const [one, other] = [await compressed(bytes, 1_300_000), await compressed(bytes, 4_097)];
    expect(one.equals(other)).toBe(true);
  });

  test('gives back whatever it was given', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 5_000 }),
        fc.integer({ min: 1, max: 600 }),
        async (bytes, size) => {
          expect(gunzipSync(await compressed(bytes, size)).equals(bytes)).toBe(true);
        },
      ),
    );
  });

  test('fails as its source does', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield sample(1_200_000);
      throw new Error('the disk is gone');
    }
    await expect(Array.fromAsync(gzip(broken()))).rejects.toThrow('the disk is gone');
  });
});
