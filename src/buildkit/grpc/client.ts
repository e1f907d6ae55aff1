import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { SampanError } from '../../base/errors.ts';
import type { Message } from '../protobuf/message.ts';
import { type ByteStream, duplexOf } from './byte-stream.ts';
import { framed, messagesIn } from './framing.ts';
import { failureIn } from './status.ts';

export type Metadata = Readonly<Record<string, string | readonly string[]>>;

/** A call that is under way: messages both ways. */
export interface OpenCall extends Disposable {
  /** Waits while the peer is slow. */
  send(...messages: readonly Uint8Array[]): Promise<void>;
  /** No more is sent. */
  end(): void;
  /** Ends where the peer's answer does. Fails with what the peer says went wrong. */
  readonly answers: AsyncIterable<Buffer>;
}

/** gRPC to whoever is at the other end of a connection. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;
  /** Aborts when the connection is gone. */
  readonly signal: AbortSignal;

  constructor(stream: ByteStream) {
    const gone = new AbortController();
    this.signal = gone.signal;
    this.#session = connect('http://localhost', { createConnection: () => duplexOf(stream) });
    this.#session.on('error', () => this.#session.destroy());
    stream.onClose(() => gone.abort(new SampanError('unavailable', 'the client has gone')));
  }

  close(): void {
    this.#session.destroy();
  }

  /** Fails with `unavailable` when the connection is gone. */
  open(path: string, metadata: Metadata, signal: AbortSignal): OpenCall {
    signal.throwIfAborted();
    this.signal.throwIfAborted();
    const stream = this.#session.request({
      ...(metadata as OutgoingHttpHeaders),
      ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
    });
    return new ClientCall(stream, AbortSignal.any([signal, this.signal]));
  }

  async unary<Q, A>(
    path: string,
    [request, answer]: readonly [Message<Q>, Message<A>],
    value: Partial<Q>,
    signal: AbortSignal,
  ): Promise<A> {
    using call = this.open(path, {}, signal);
    await call.send(request.encode(value));
    call.end();
    let got: A | undefined;
    for await (const bytes of call.answers) got ??= answer.decode(bytes);
    if (got === undefined) throw new SampanError('data-loss', `${path} gave no answer`);
    return got;
  }
}

class ClientCall implements OpenCall {
  readonly #stream: ClientHttp2Stream;
  readonly #signal: AbortSignal;
  readonly #cancel = (): void => this.#stream.close(constants.NGHTTP2_CANCEL);
  readonly #outcome: Promise<SampanError | undefined>;

  constructor(stream: ClientHttp2Stream, signal: AbortSignal) {
    this.#stream = stream;
    this.#signal = signal;
    const outcome = Promise.withResolvers<SampanError | undefined>();
    this.#outcome = outcome.promise;
    // A call that fails at once has its status in the only headers that there are. With it the call is over, whatever we have yet to send.
    const note = (headers: IncomingHttpHeaders): void => {
      if ('grpc-status' in headers) outcome.resolve(failureIn(headers));
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', () => {});
    stream.once('close', () =>
      outcome.resolve(new SampanError('unavailable', 'the client broke off a call')),
    );
    signal.addEventListener('abort', this.#cancel, { once: true });
  }

  async send(...messages: readonly Uint8Array[]): Promise<void> {
    if (this.#stream.write(framed(...messages))) return;
    const over = new AbortController();
    void this.#outcome.then(() => over.abort());
    await once(this.#stream, 'drain', { signal: over.signal }).catch(() => {});
    this.#signal.throwIfAborted();
    if (this.#stream.destroyed)
      throw (await this.#outcome) ?? new SampanError('unavailable', 'the client ended a call');
  }

  end(): void {
    this.#stream.end();
  }

  get answers(): AsyncIterable<Buffer> {
    return this.#answers();
  }

  async *#answers(): AsyncGenerator<Buffer, void, void> {
    try {
      yield* messagesIn(this.#stream);
    } catch (error) {
      this.#signal.throwIfAborted();
      throw (await this.#failureSoon()) ?? error;
    }
    const failure = await this.#outcome;
    this.#signal.throwIfAborted();
    if (failure !== undefined) throw failure;
  }

  async #failureSoon(): Promise<SampanError | undefined> {
    this.#cancel();
    return await this.#outcome;
  }

  [Symbol.dispose](): void {
    this.#signal.removeEventListener('abort', this.#cancel);
    if (!this.#stream.closed) this.#cancel();
  }
}
