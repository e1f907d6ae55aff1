import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { demultiplex, type StreamName } from './frames.ts';

function encode(stream: number, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + data.length);
  frame[0] = stream;
  new DataView(frame.buffer).setUint32(4, data.length);
  frame.set(data, 8);
  return frame;
}

async function* split(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Map<StreamName, number[]>> {
  const streams = new Map<StreamName, number[]>();
  for await (const { stream, data } of demultiplex(chunks)) {
    streams.set(stream, [...(streams.get(stream) ?? []), ...data]);
  }
  return streams;
}

test('demultiplex gives each stream its bytes, however the connection cuts them', async () => {
  const frame = fc.record({ stream: fc.constantFrom(1, 2), data: fc.uint8Array({ maxLength: 40 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(frame), fc.array(fc.integer({ min: 0, max: 20 })), async (frames, sizes) => {
      const bytes = Buffer.concat(frames.map(({ stream, data }) => encode(stream, data)));
      const streams = await collect(split(bytes, sizes));
      for (const [number, name] of [
        [1, 'stdout'],
        [2, 'stderr'],
      ] as const) {
        const expected = frames.filter(({ stream }) => stream === number).flatMap(({ data }) => [...data]);
        expect(streams.get(name) ?? []).toEqual(expected);
      }
    }),
  );
});

test('demultiplex refuses a stream that does not exist', async () => {
  const chunks = split(encode(9, new Uint8Array(1)), []);
  await expect(collect(chunks)).rejects.toThrow('Unrecognized input header: 9');
});
