import { once } from 'node:events';
import { constants, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { messageOf, SampanError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Message } from '../protobuf/message.ts';
import { type ByteStream, duplexOf } from './byte-stream.ts';
import { framed, MAX_MESSAGE, messagesIn } from './framing.ts';
import { failureOf, type GrpcFailure, trailersOf } from './status.ts';

/** One call of a method. */
export interface GrpcCall {
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the caller has given up or gone. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Answers the messages of a call with messages. */
export type Method = (call: GrpcCall, requests: AsyncIterable<Buffer>) => AsyncIterable<Uint8Array>;

/** By path: "/grpc.health.v1.Health/Check". */
export type Methods = Readonly<Record<string, Method>>;

/** A failure that says more than an error does. */
export class FailedCall extends Error {
  override readonly name = 'FailedCall';
  readonly failure: GrpcFailure;

  constructor(failure: GrpcFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

const MAX_STREAMS = 128;
/** By which BuildKit's clients say how long something has run. */
const CLOCK = 'buildkit-currenttimestamp';
const MAX_DISCARD = 2 * MAX_MESSAGE;

/** One request, one answer. */
export function unary<Q, A>(
  request: Message<Q>,
  answer: Message<A>,
  handle: (request: Q, call: GrpcCall) => Promise<Partial<A>> | Partial<A>,
): Method {
  return async function* (call, requests) {
    yield answer.encode(await handle(request.decode(await first(requests)), call));
  };
}

/** One request, many answers. */
export function streaming<Q, A>(
  request: Message<Q>,
  answer: Message<A>,
  handle: (request: Q, call: GrpcCall) => AsyncIterable<Partial<A>>,
): Method {
  return async function* (call, requests) {
    for await (const one of handle(request.decode(await first(requests)), call)) yield answer.encode(one);
  };
}

async function first(requests: AsyncIterable<Buffer>): Promise<Buffer> {
  for await (const request of requests) return Buffer.from(request);
  throw new SampanError('invalid-argument', 'the call has no request');
}

/** Serves gRPC on a connection until it is closed. */
export async function serveGrpc(connection: ByteStream, methods: Methods, log: Logger): Promise<void> {
  const server = createServer({ settings: { maxConcurrentStreams: MAX_STREAMS } });
  server.on('stream', (stream, headers) => {
    const call = stream as ServerHttp2Stream;
    void answer(call, headers, methods, log).catch((error: unknown) => {
      log.debug('a gRPC call broke off', { error: messageOf(error) });
      call.destroy();
    });
  });
  server.on('sessionError', (error) => log.debug('a gRPC connection failed', { error: messageOf(error) }));
  const duplex = duplexOf(connection);
  const closed = new Promise<void>((resolve) => duplex.once('close', () => resolve()));
  server.emit('connection', duplex);
  await closed;
}

async function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: Methods,
  log: Logger,
): Promise<void> {
  const gone = new AbortController();
  stream.on('error', (error) => gone.abort(error));
  stream.on('aborted', () => gone.abort(new SampanError('cancelled', 'context canceled')));
  stream.once('close', () => gone.abort(new SampanError('cancelled', 'context canceled')));
  const path = headers[':path'] ?? '';
  const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
  let failure: GrpcFailure | undefined;
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', [CLOCK]: new Date().toISOString() },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers(trailersOf(failure)));
  try {
    if (method === undefined) throw new SampanError('unimplemented', `unknown method ${path}`);
    for await (const message of method({ headers, signal: gone.signal, log }, messagesIn(stream))) {
      if (gone.signal.aborted) return;
      if (!stream.write(framed(message))) await drained(stream, gone.signal);
    }
  } catch (error) {
    failure = error instanceof FailedCall ? error.failure : failureOf(error);
  }
  if (gone.signal.aborted) return;
  stream.end();
  discardRest(stream);
}

/** What the caller still sends is thrown away: a call that nobody reads would never close, and the connection's window stay full. */
function discardRest(stream: ServerHttp2Stream): void {
  let size = 0;
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_DISCARD) stream.close(constants.NGHTTP2_CANCEL);
  });
  stream.resume();
}

async function drained(stream: ServerHttp2Stream, signal: AbortSignal): Promise<void> {
  await once(stream, 'drain', { signal });
}
