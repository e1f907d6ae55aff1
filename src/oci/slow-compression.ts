import { Worker } from 'node:worker_threads';
import { internal, invalid } from '../base/errors.ts';

/** Compressions that are undone by programs of the language's own, too slow for the main thread. */
export type SlowCompression = 'bzip2' | 'xz';

/** To the thread: a piece of compressed bytes (undefined behind the last), or that its latest plain bytes were taken. */
export type InflateRequest =
  | { readonly type: 'input'; readonly bytes: Uint8Array | undefined }
  | { readonly type: 'taken' };

/** From it, one at a time: each is answered before the next. */
export type InflateReply =
  | { readonly type: 'more' }
  | { readonly type: 'plain'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly message: string };

/** The plain bytes of a bzip2 or xz stream, made by a thread that ends with them. Fails with `invalid-argument`. */
export async function* inflateSlowly(
  source: AsyncIterable<Uint8Array>,
  compression: SlowCompression,
): AsyncGenerator<Uint8Array> {
  const worker = new Worker(new URL('./slow-inflate-worker.ts', import.meta.url), {
    workerData: compression,
  });
  const replies = repliesOf(worker);
  const input = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const reply = await replies.next();
      if (reply.type === 'end') return;
      if (reply.type === 'failed') throw invalid(`invalid ${compression} data: ${reply.message}`);
      if (reply.type === 'more') worker.postMessage(await nextInput(input));
      else {
        yield reply.bytes;
        worker.postMessage({ type: 'taken' } satisfies InflateRequest);
      }
    }
  } finally {
    await worker.terminate();
    await input.return?.();
  }
}

async function nextInput(input: AsyncIterator<Uint8Array>): Promise<InflateRequest> {
  const next = await input.next();
  return { type: 'input', bytes: next.done ? undefined : next.value };
}

/** The thread's words, one by one; fails when there will be none. */
function repliesOf(worker: Worker): { next(): Promise<InflateReply> } {
  let waiting = Promise.withResolvers<InflateReply>();
  const lose = (cause?: unknown): void => {
    waiting.promise.catch(() => {});
    waiting.reject(internal('the thread that decompresses has ended', { cause }));
  };
  worker.on('message', (reply: InflateReply) => waiting.resolve(reply));
  worker.on('error', lose);
  worker.on('exit', lose);
  return {
    async next() {
      const reply = await waiting.promise;
      waiting = Promise.withResolvers();
      return reply;
    },
  };
}
