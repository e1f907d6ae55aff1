import type { IncomingHttpHeaders } from 'node:http2';
import { codeOf, type ErrorCode, messageOf, SampanError } from '../../base/errors.ts';
import { BuildError } from '../../build/errors.ts';
import { Status } from '../protobuf/status-message.ts';

/** Numbers of gRPC's status codes. */
const codes: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': 3,
  unauthenticated: 16,
  'permission-denied': 7,
  'not-found': 5,
  'not-modified': 6,
  conflict: 6,
  exhausted: 8,
  cancelled: 1,
  unimplemented: 12,
  unavailable: 14,
  'data-loss': 15,
  internal: 13,
};

const UNKNOWN = 2;

const errorCodes = new Map(Object.entries(codes).map(([code, value]) => [value, code as ErrorCode]));

export interface GrpcFailure {
  readonly code: number;
  readonly message: string;
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[];
}

/** What a failed build's source is told with, by the name that clients know it by. */
export interface FailureSource {
  readonly filename: string;
  readonly text: string;
}

const TYPES = 'github.com/moby/buildkit';

/** A failure as it goes over the wire. A build's own failures have no code: clients would put its name before the message. */
export function failureOf(error: unknown, source?: FailureSource): GrpcFailure {
  if (!(error instanceof BuildError)) {
    const code = codeOf(error);
    return { code: code === 'internal' ? UNKNOWN : codes[code], message: messageOf(error), details: [] };
  }
  const details = [];
  if (error.vertex !== undefined) details.push(detail('errdefs.Vertex', { digest: error.vertex }));
  if (error.lines !== undefined && source !== undefined) {
    const { first, last } = error.lines;
    details.push(
      detail('errdefs.Source', {
        info: { filename: source.filename, data: Buffer.from(source.text).toString('base64') },
        ranges: [{ start: { line: first }, end: { line: last } }],
      }),
    );
  }
  return { code: UNKNOWN, message: error.message, details };
}

function detail(name: string, value: unknown): GrpcFailure['details'][number] {
  return { typeUrl: `${TYPES}/${name}+json`, value: Buffer.from(JSON.stringify(value)) };
}

/** The trailers of a call. */
export function trailersOf(failure: GrpcFailure | undefined): Record<string, string> {
  if (failure === undefined) return { 'grpc-status': '0' };
  const trailers = {
    'grpc-status': String(failure.code),
    'grpc-message': encodeURIComponent(failure.message.slice(0, 4096)),
  };
  if (failure.details.length === 0) return trailers;
  return { ...trailers, 'grpc-status-details-bin': Status.encode(failure).toString('base64') };
}

/** What a peer's trailers say; undefined for success. */
export function failureIn(trailers: IncomingHttpHeaders): SampanError | undefined {
  const status = Number(trailers['grpc-status'] ?? UNKNOWN);
  if (status === 0) return undefined;
  const encoded = String(trailers['grpc-message'] ?? `the client answered with gRPC status ${status}`);
  return new SampanError(errorCodes.get(status) ?? 'internal', decoded(encoded));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
