import { messageOf } from '../base/errors.ts';
import { parseChallenges } from './challenge.ts';
import { refusalOf, Transient, Unreachable } from './failures.ts';
import { parseRetryAfter } from './retries.ts';
import type { StallWatch } from './stall-watch.ts';

/** A request's body that is never whole in memory; opened again for a redirect or with other credentials. */
export interface BodySource {
  /** Bytes, which `open` must give exactly. */
  readonly length: number;
  open(): AsyncIterable<Uint8Array>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Fails with `Transient` when the connection breaks or stalls. To be read, or given to `discard`: else its connection stays. */
  readonly body: AsyncGenerator<Uint8Array, void>;
}

const MAX_ERROR_BYTES = 64 << 10;
/** Bytes; larger ones are not faster. */
const LARGE_PART = 256 << 10;

/** An answer's body under the watch's eyes. */
export async function* receive(
  body: ReadableStream<Uint8Array> | null,
  watch: StallWatch,
): AsyncGenerator<Uint8Array, void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      watch.wait();
      const { done, value } = await reader.read();
      watch.pause();
      if (done) return;
      watch.moved(value.length);
      yield value;
    }
  } catch (error) {
    const reason = watch.reason(error);
    throw reason === error ? new Transient(new Unreachable(messageOf(error), { cause: error })) : reason;
  } finally {
    watch.stop();
  }
}

/** A request's body on its way, under the watch's eyes. */
export class Sending {
  readonly stream: ReadableStream<Uint8Array>;
  /** What the source failed with, if it did: not the network's fault. */
  failure: unknown;

  constructor(source: BodySource, watch: StallWatch) {
    const parts = joined(source.open())[Symbol.asyncIterator]();
    this.stream = new ReadableStream(
      {
        pull: async (controller) => {
          watch.pause();
          const next = await parts.next().catch((error) => {
            this.failure = error;
            throw error;
          });
          watch.wait();
          if (next.done) return controller.close();
          watch.moved(next.value.length);
          controller.enqueue(next.value);
        },
        cancel: async () => {
          await parts.return?.();
        },
      },
      { highWaterMark: 0 },
    );
  }
}

/** The same bytes in parts that are not small: each one that is sent costs the runtime some tens of microseconds. */
async function* joined(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let waiting: Uint8Array[] = [];
  let size = 0;
  for await (const part of parts) {
    waiting.push(part);
    size += part.length;
    if (size < LARGE_PART) continue;
    yield waiting.length === 1 ? part : Buffer.concat(waiting, size);
    waiting = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(waiting, size);
}

/** Reads what is left of an answer if it is short, so that its connection can be used again; closes the connection if not. */
export async function discard({ body }: HttpAnswer): Promise<void> {
  await readAtMost(body, MAX_ERROR_BYTES).catch(() => undefined);
}

/** Passes an answer of the statuses given; throws what any other means. */
export async function expectStatus(answer: HttpAnswer, ...statuses: readonly number[]): Promise<HttpAnswer> {
  const { status, headers } = answer;
  if (statuses.includes(status)) return answer;
  const said = await readAtMost(answer.body, MAX_ERROR_BYTES).catch(() => undefined);
  const challenges = parseChallenges(headers.get('www-authenticate') ?? '');
  const refusal = refusalOf(status, said ?? new Uint8Array(0), challenges);
  if (status === 429 || status === 408 || (status >= 500 && status !== 501)) {
    throw new Transient(refusal, parseRetryAfter(headers.get('retry-after'), Date.now()));
  }
  throw refusal;
}

/** All bytes of a body, or undefined when it has more than `limit`. */
export async function readAtMost(
  body: AsyncIterable<Uint8Array>,
  limit: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > limit) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
