import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { encodeFrame, type Frame } from './frames.ts';
import { OutputSplitter } from './output-splitter.ts';
import { supervisorFrames } from './supervisor-protocol.ts';

test('the frame numbers are those of native/protocol.h', () => {
  const header = readFileSync(join(import.meta.dir, '../../native/protocol.h'), 'utf8');
  const numbers = [...header.matchAll(/FRAME_(\w+) = (0x\w+),/g)].map(([, name = '', number]) => [
    name.toLowerCase().replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase()),
    Number(number),
  ]);
  const own = numbers.filter(([name]) => name !== 'started' && name !== 'failed');
  expect(own.length).toBeGreaterThan(15);
  expect(Object.fromEntries(own)).toEqual(supervisorFrames);
});

const frames = fc.array(
  fc.record({
    type: fc.constantFrom(1, 2, supervisorFrames.exited, supervisorFrames.oom),
    payload: fc.uint8Array({ maxLength: 40 }),
  }),
);

test('a splitter passes output frames on unchanged and reports all others, however the stream is cut', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
      const output: Uint8Array[] = [];
      const notices: Frame[] = [];
      const splitter = new OutputSplitter({
        output: (bytes) => void output.push(bytes),
        notice: (frame) => void notices.push(frame),
      });
      const stream = Buffer.concat(sent.map(({ type, payload }) => encodeFrame(type, payload)));
      for (const chunk of cut(stream, cuts)) splitter.push(chunk);
      const isOutput = ({ type }: Frame): boolean => type <= 2;
      const expected = sent.filter(isOutput).map(({ type, payload }) => encodeFrame(type, payload));
      expect(Buffer.concat(output)).toEqual(Buffer.concat(expected));
      expect(notices.map(({ type, payload }) => ({ type, payload }))).toEqual(
        sent.filter((frame) => !isOutput(frame)),
      );
    }),
  );
});

function* cut(stream: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let rest = stream;
  for (const size of sizes) {
    yield rest.subarray(0, size);
    rest = rest.subarray(size);
  }
  yield rest;
}
