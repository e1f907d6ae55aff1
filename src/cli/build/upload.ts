import { humanSize } from '../../wire/sizes.ts';

/** Milliseconds between two looks at how far it is. */
const INTERVAL = 100;

export interface UploadListener {
  onBytes(bytes: number): void;
  onEnd(bytes: number): void;
}

/** The same bytes, told of as they are taken. */
export async function* watched(
  source: AsyncIterable<Uint8Array>,
  listener: UploadListener,
): AsyncGenerator<Uint8Array, void, void> {
  let bytes = 0;
  let told = performance.now();
  for await (const chunk of source) {
    yield chunk;
    bytes += chunk.length;
    if (performance.now() - told < INTERVAL) continue;
    told = performance.now();
    listener.onBytes(bytes);
  }
  listener.onEnd(bytes);
}

/** What Docker's classic builder says about it, in place on a terminal. */
export function uploadLine(print: (text: string) => void, isTerminal: boolean): UploadListener {
  const line = (bytes: number): string =>
    `Sending build context to Docker daemon ${humanSize(bytes).padStart(8)}\r`;
  return {
    onBytes: (bytes) => {
      if (isTerminal) print(line(bytes));
    },
    onEnd: (bytes) => print(`${line(bytes)}\r\n`),
  };
}
