import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { encodeFrame, FRAME_PAYLOAD_LIMIT, type Frame, FrameReader } from './frames.ts';

const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

function readAll(reader: FrameReader, chunks: Iterable<Uint8Array>): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    for (const { type, payload } of reader.push(chunk)) frames.push({ type, payload: payload.slice() });
  }
  return frames;
}

describe('FrameReader', () => {
  test('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 400 })), (frames, sizes) => {
        const stream = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of sizes) {
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        chunks.push(stream.subarray(at));
        const reader = new FrameReader();
        expect(readAll(reader, chunks)).toEqual(frames.map(({ type, payload }) => ({ type, payload })));
        expect(reader.empty).toBe(true);
      }),
    );
  });

  test('reads a large frame that comes in many pieces', () => {
    const payload = new Uint8Array(4 << 20).fill(7);
    const stream = encodeFrame(1, payload);
    const pieces = Array.from({ length: Math.ceil(stream.length / 997) }, (_, index) =>
      stream.subarray(index * 997, (index + 1) * 997),
    );
    expect(readAll(new FrameReader(), pieces)[0]?.payload.length).toBe(payload.length);
  });

  test('keeps what it has when its reader stops in between', () => {
    const reader = new FrameReader();
    const two = Buffer.concat([encodeFrame(1, new Uint8Array(3)), encodeFrame(2)]);
    for (const { type } of reader.push(two)) {
      expect(type).toBe(1);
      break;
    }
    expect(readAll(reader, [new Uint8Array(0)]).map(({ type }) => type)).toEqual([2]);
  });

  test('refuses what is no frame', () => {
    const refuse = (header: number[]) => () => readAll(new FrameReader(), [new Uint8Array(header)]);
    expect(refuse([1, 1, 0, 0, 0, 0, 0, 0])).toThrow('no frame');
    const [a, b, c, d] = new Uint8Array(new Uint32Array([FRAME_PAYLOAD_LIMIT + 1]).buffer).reverse();
    expect(refuse([1, 0, 0, 0, a ?? 0, b ?? 0, c ?? 0, d ?? 0])).toThrow('no frame');
  });
});
