import { createGunzip, createZstdDecompress } from 'node:zlib';
import { invalid, messageOf, SampanError } from '../base/errors.ts';
import { inflateSlowly } from './slow-compression.ts';
import { ZstdFrames } from './zstd-frames.ts';

export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

/** Bytes that `detectCompression` needs to be sure. */
const MAGIC_LENGTH = 6;

export function detectCompression(head: Uint8Array): Compression {
  const found = magics.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  return found?.[0] ?? 'none';
}

/**
 * The plain bytes of a stream in whatever compression its first bytes tell. Decompression runs off the main thread. Fails with
 * `invalid-argument` on bytes that do not decompress.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, rest } = await peek(source, MAGIC_LENGTH);
  const compression = detectCompression(head);
  if (compression === 'none') yield* rest;
  else if (compression === 'gzip') yield* inflate(rest, createGunzip({ chunkSize: CHUNK }), compression);
  else if (compression === 'zstd')
    yield* inflate(wholeFrames(rest), createZstdDecompress({ chunkSize: CHUNK }), compression);
  else yield* inflateSlowly(rest, compression);
}

/** Bytes of plain data at once: larger ones are hardly faster, and many are on their way. */
const CHUNK = 128 << 10;

/** The same bytes of a zstd stream; fails when it ends too early. */
async function* wholeFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  for await (const chunk of source) {
    frames.feed(chunk);
    yield chunk;
  }
  frames.finish();
}

/** The first bytes (fewer when the stream is shorter), and the whole stream again. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ head: Uint8Array; rest: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < length) {
    const next = await iterator.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { head, rest: whole() };
}

type Inflater = ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>;

async function* inflate(
  source: AsyncIterable<Uint8Array>,
  inflater: Inflater,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  const feeding = feed(source, inflater);
  // It may fail while the reader is busy with what came before, and nobody waits for it yet.
  feeding.catch(() => {});
  try {
    for await (const chunk of inflater) yield chunk as Uint8Array;
    await feeding;
  } catch (cause) {
    if (cause instanceof SampanError) throw cause;
    throw invalid(`invalid ${compression} data: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    inflater.destroy();
    await feeding.catch(() => {});
  }
}

/** Writes all of the source, waiting whenever the inflater is full; a failing source fails the inflater. */
async function feed(source: AsyncIterable<Uint8Array>, inflater: Inflater): Promise<void> {
  try {
    for await (const chunk of source) {
      if (inflater.destroyed) return;
      if (!inflater.write(chunk)) await room(inflater);
    }
    inflater.end();
  } catch (error) {
    inflater.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** Resolves when the inflater takes more, or is gone. */
function room(inflater: Inflater): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      inflater.off('drain', done).off('close', done);
      resolve();
    };
    inflater.on('drain', done).on('close', done);
  });
}
