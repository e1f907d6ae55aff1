import type { Context } from '../base/context.ts';
import { internal, messageOf, SampanError } from '../base/errors.ts';
import { parseChallenges } from './challenge.ts';
import { isInsecure, type RegistrySettings } from './endpoints.ts';
import { refusalOf, Transient, Unreachable } from './failures.ts';
import { type Patience, parseRetryAfter } from './retries.ts';

export interface HttpRequest {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent to the URL's own host only, whatever it redirects to. */
  readonly authorization?: string | undefined;
  readonly body?: string | Uint8Array | BodySource;
}

/** A body that is never whole in memory; opened again for a redirect or with other credentials. */
export interface BodySource {
  /** Bytes. */
  readonly length: number;
  open(): AsyncIterable<Uint8Array>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Fails with `Transient` when the connection breaks or stalls. To be read, or given to `discard`: else its connection stays. */
  readonly body: AsyncGenerator<Uint8Array, void>;
}

const MAX_REDIRECTS = 10;
const MAX_ERROR_BYTES = 64 << 10;

/** One HTTP exchange at a time: redirects, certificates, stalls. What may be tried again fails with `Transient`. */
export class Transport {
  readonly #settings: () => RegistrySettings;
  readonly #patience: Patience;
  /** Origins that have answered: that they do not now is a passing trouble. */
  readonly #known = new Set<string>();

  constructor(settings: () => RegistrySettings, patience: Patience) {
    this.#settings = settings;
    this.#patience = patience;
  }

  /** The answer to a request after all redirects, of any status. */
  async exchange(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    let { url, authorization } = request;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await this.#send(context, { ...request, url, authorization });
      const location = answer.headers.get('location');
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer;
      await discard(answer);
      const next = this.#follow(url, location);
      if (next.origin !== request.url.origin) authorization = undefined;
      url = next;
    }
    throw internal(`${request.url} redirects more than ${MAX_REDIRECTS} times`);
  }

  #follow(from: URL, location: string): URL {
    const next = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    const isPlain = next?.protocol === 'http:';
    if (next === undefined || (!isPlain && next.protocol !== 'https:')) {
      throw internal(`${from} redirects to what is no http(s) URL`);
    }
    if (isPlain && from.protocol === 'https:' && !isInsecure(next.host, this.#settings())) {
      throw internal(`${from} redirects to ${next.host} without TLS`, {
        hint: 'If the network is trusted, name the host with --insecure-registry.',
      });
    }
    next.username = '';
    next.password = '';
    return next;
  }

  async #send(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    const { url, authorization } = request;
    const watch = new StallWatch(context, this.#patience.stall, url.host);
    try {
      const response = await watch.watching(() =>
        fetch(url, {
          method: request.method ?? 'GET',
          redirect: 'manual',
          decompress: false,
          signal: watch.signal,
          headers: {
            'User-Agent': 'sampan',
            'Accept-Encoding': 'identity',
            ...request.headers,
            ...(isSource(request.body) ? { 'Content-Length': String(request.body.length) } : {}),
            ...(authorization === undefined ? {} : { Authorization: authorization }),
          },
          ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
          tls: { rejectUnauthorized: !isInsecure(url.host, this.#settings()) },
        }),
      );
      this.#known.add(url.origin);
      const body = readBody(response.body, watch);
      return { status: response.status, headers: response.headers, body };
    } catch (cause) {
      throw this.#connectionFailure(url, cause, watch);
    }
  }

  #connectionFailure(url: URL, cause: unknown, watch: StallWatch): unknown {
    const given = watch.reason(cause);
    if (given instanceof Transient || given !== cause) return given;
    const failure = new Unreachable(`Get ${JSON.stringify(url.href)}: ${messageOf(cause)}`, { cause });
    return this.#known.has(url.origin) ? new Transient(failure) : failure;
  }
}

function isSource(body: HttpRequest['body']): body is BodySource {
  return typeof body === 'object' && 'open' in body;
}

function bodyOf(body: string | Uint8Array | BodySource): string | Uint8Array<ArrayBuffer> | ReadableStream {
  if (!isSource(body)) return typeof body === 'string' ? body : Uint8Array.from(body);
  const parts = body.open()[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await parts.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Gives up a transfer that does not move, but not while nobody asks it to. */
class StallWatch {
  readonly signal: AbortSignal;
  readonly #context: Context;
  readonly #stall: number;
  readonly #host: string;
  readonly #stop = new AbortController();

  constructor(context: Context, stall: number, host: string) {
    this.#context = context;
    this.#stall = stall;
    this.#host = host;
    this.signal = AbortSignal.any([context.signal, this.#stop.signal]);
  }

  async watching<T>(work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      const text = `${this.#host} has sent nothing for ${this.#stall} ms`;
      this.#stop.abort(new Transient(new Unreachable(text)));
    }, this.#stall);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    this.#stop.abort(new SampanError('cancelled', 'the transfer was left'));
  }

  /** Why a transfer failed: the caller gave up, it stalled, or else the error itself. */
  reason(error: unknown): unknown {
    if (this.#context.signal.aborted) return this.#context.signal.reason;
    return this.#stop.signal.aborted ? this.#stop.signal.reason : error;
  }
}

async function* readBody(
  body: ReadableStream<Uint8Array> | null,
  watch: StallWatch,
): AsyncGenerator<Uint8Array, void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await watch.watching(() => reader.read());
      if (done) return;
      yield value;
    }
  } catch (error) {
    const reason = watch.reason(error);
    throw reason === error ? new Transient(new Unreachable(messageOf(error), { cause: error })) : reason;
  } finally {
    watch.stop();
  }
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
