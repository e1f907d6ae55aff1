import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { frame } from '../testing/fake-attachment.ts';
import { payloads } from './frames.ts';

test('payloads come whole whichever way the frames were cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string()),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      async (texts, cuts) => {
        const bytes = Buffer.concat(texts.map((text) => frame(text)));
        const parts: Uint8Array[] = [];
        for (let position = 0, index = 0; position < bytes.length; index++) {
          const length = cuts[index % cuts.length] ?? 1;
          parts.push(bytes.subarray(position, position + length));
          position += length;
        }
        const got: Uint8Array[] = [];
        for await (const part of payloads(from(parts))) got.push(part);
        expect(Buffer.concat(got).toString()).toBe(texts.join(''));
      },
    ),
  );
});

async function* from(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
