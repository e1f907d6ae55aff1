import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { jsonTexts, jsonValues } from './json-stream.ts';

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('jsonValues finds every value of a stream, with any separator and in pieces of any size', async () => {
  const value = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));
  const separator = fc.constantFrom('', '\n', '\r\n', '  ');
  await fc.assert(
    fc.asyncProperty(
      fc.array(value),
      separator,
      fc.integer({ min: 1, max: 30 }),
      async (values, between, size) => {
        const text = values.map((one) => JSON.stringify(one)).join(between);
        const found = await Array.fromAsync(jsonValues(chunksOf(text, size)));
        expect(found).toEqual(JSON.parse(JSON.stringify(values)));
      },
    ),
  );
});

test('jsonTexts refuses a stream that ends inside a value', async () => {
  await expect(Array.fromAsync(jsonTexts(chunksOf('{"a":1}{"b"', 3)))).rejects.toThrow('unexpected EOF');
});
