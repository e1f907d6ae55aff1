import { expect, test } from 'bun:test';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { isCode } from '../base/errors.ts';
import { bunzip2 } from './bzip2.ts';
import { unxz } from './xz.ts';

const decoders = { bzip2: bunzip2, xz: unxz } as const;
const programs = ['bzip2', 'xz'] as const;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
}

async function inflate(program: keyof typeof decoders, bytes: Uint8Array, size = 10_000): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(decoders[program](pieces(bytes, size))));
}

function compress(program: string, input: Uint8Array, ...options: string[]): Buffer {
  const { stdout, status } = spawnSync(program, ['-c', ...options], { input, maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} failed`);
  return stdout;
}

/** Bytes with runs, repetitions and noise. */
const content = fc
  .array(
    fc.oneof(
      fc
        .tuple(fc.nat({ max: 255 }), fc.nat({ max: 700 }))
        .map(([byte, length]) => Buffer.alloc(length, byte)),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts));

test.each(programs)('%s: whatever the program compressed comes back', async (program) => {
  await fc.assert(
    fc.asyncProperty(content, fc.integer({ min: 1, max: 2_000 }), async (plain, size) => {
      expect((await inflate(program, compress(program, plain), size)).equals(plain)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test.each(programs)('%s: several blocks and several streams come back', async (program) => {
  const plain = Buffer.alloc(1_300_000);
  for (let at = 0; at < plain.length; at++) plain[at] = (at * 31 + (at >> 9)) & 0xff;
  const bytes = Buffer.concat([
    compress(program, plain, '-1'),
    compress(program, Buffer.alloc(0)),
    compress(program, plain.subarray(5)),
  ]);
  expect(await inflate(program, bytes)).toEqual(Buffer.concat([plain, plain.subarray(5)]));
});

test.each(programs)('%s: damaged bytes are refused, and never come back as others', async (program) => {
  const plain = Buffer.from('some text that is long enough to be compressed '.repeat(50));
  const bytes = compress(program, plain);
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: bytes.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const result = await inflate(program, damaged).catch((error: unknown) => error);
        if (result instanceof Buffer) expect(result.equals(plain)).toBe(true);
        else expect(isCode(result, 'invalid-argument')).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

test.each(programs)('%s: every beginning of a stream is refused as cut off', async (program) => {
  const bytes = compress(program, Buffer.from('hello '.repeat(20)));
  for (let length = 1; length < bytes.length; length++) {
    const result = await inflate(program, bytes.subarray(0, length)).catch((error: unknown) => error);
    expect(isCode(result, 'invalid-argument')).toBe(true);
  }
});

test.each(programs)('%s: other bytes behind the end are refused', async (program) => {
  const bytes = Buffer.concat([compress(program, Buffer.from('hello')), Buffer.from('something else')]);
  await expect(inflate(program, bytes)).rejects.toThrow('damaged');
});

test('xz: a dictionary that is larger than what is allowed is refused', async () => {
  const bytes = compress('xz', Buffer.from('hello'), '--lzma2=dict=256MiB');
  await expect(inflate('xz', bytes)).rejects.toThrow('its dictionary has more than 64 MiB');
});

test('xz: a filter that is not supported is named', async () => {
  const bytes = compress('xz', Buffer.from('hello'), '--x86', '--lzma2');
  await expect(inflate('xz', bytes)).rejects.toThrow('a filter or a checksum');
});
