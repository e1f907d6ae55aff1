import { XzReadableStream } from 'xz-decompress';
import { invalid } from '../base/errors.ts';

/** Of `enum xz_ret` in xz-embedded, which the library is made of: what it does not do, though the format has it. */
const unsupported: Readonly<Record<string, string>> = {
  '4': 'its dictionary has more than 64 MiB',
  '6': 'it uses a filter or a checksum that is not supported',
};

/**
 * The plain bytes of xz streams, one behind the other: LZMA2 with dictionaries up to 64 MiB (xz -9), checked by CRC-32 or CRC-64. Fails with
 * `invalid-argument`. One stream at a time in a thread.
 */
export async function* unxz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = source[Symbol.asyncIterator]();
  const compressed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await input.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
  });
  try {
    // The library gives the same memory again and again.
    for await (const bytes of new XzReadableStream(compressed)) yield Uint8Array.from(bytes as Uint8Array);
  } catch (cause) {
    const [, code] = /error code (\d)/.exec(String(cause)) ?? [];
    if (code === undefined) throw cause;
    throw invalid(unsupported[code] ?? 'it is damaged or cut off', { cause });
  } finally {
    await input.return?.();
  }
}
