import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { passOutput } from './output.ts';

type Written = readonly ['stdout' | 'stderr', Uint8Array];

function frame([stream, bytes]: Written): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream === 'stdout' ? 1 : 2;
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

/** A stream cut into chunks of so many bytes, over and over. */
async function* chunksOf(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let offset = 0, index = 0; offset < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(offset, offset + size);
    offset += size;
  }
}

const running = new AbortController().signal;

describe('passOutput', () => {
  test('gives each stream its bytes, in order, however they were cut', async () => {
    const written = fc.tuple(fc.constantFrom('stdout' as const, 'stderr' as const), fc.uint8Array());
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(written), sizes, async (all, cuts) => {
        const got = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
        await passOutput(
          chunksOf(Buffer.concat(all.map(frame)), cuts),
          (stream, bytes) => void got[stream].push(bytes),
          running,
        );
        for (const stream of ['stdout', 'stderr'] as const) {
          const wanted = all.filter(([name]) => name === stream).map(([, bytes]) => bytes);
          expect(Buffer.concat(got[stream])).toEqual(Buffer.concat(wanted));
        }
      }),
    );
  });

  test('waits until bytes are taken before it asks for more', async () => {
    const taken: string[] = [];
    const first = Promise.withResolvers<void>();
    const bytes = Buffer.concat([frame(['stdout', Buffer.from('a')]), frame(['stdout', Buffer.from('b')])]);
    const passed = passOutput(
      chunksOf(bytes, [9]),
      (_stream, piece) => {
        taken.push(Buffer.from(piece).toString());
        return taken.length === 1 ? first.promise : undefined;
      },
      running,
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toEqual(['a']);
    first.resolve();
    await passed;
    expect(taken).toEqual(['a', 'b']);
  });

  test('drops what comes once the run is given up, and waits for nobody', async () => {
    const stop = new AbortController();
    const taken: string[] = [];
    const bytes = Buffer.concat([frame(['stdout', Buffer.from('a')]), frame(['stdout', Buffer.from('b')])]);
    await passOutput(
      chunksOf(bytes, [bytes.length]),
      (_stream, piece) => {
        taken.push(Buffer.from(piece).toString());
        setImmediate(() => stop.abort(new Error('enough')));
        return new Promise(() => {});
      },
      stop.signal,
    );
    expect(taken).toEqual(['a']);
  });
});
