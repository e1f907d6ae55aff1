import type { Context } from '../base/context.ts';
import type { ByteStream } from './grpc/byte-stream.ts';
import type { SessionFacts } from './sessions.ts';

/**
 * BuildKit's doors: what its clients (`docker buildx`, `docker compose build`) reach the builder through. Both are connections that were
 * handed over and speak gRPC: on one the daemon answers, on the other it asks, for the client's files, credentials and secrets.
 */
export interface Buildkit {
  /** Serves BuildKit's API until the connection is closed. */
  serve(context: Context, connection: ByteStream): Promise<void>;
  /** Keeps a client's session for its builds, until the connection is closed. */
  openSession(context: Context, connection: ByteStream, facts: SessionFacts): Promise<void>;
}

export type { ByteStream } from './grpc/byte-stream.ts';
export type { SessionFacts } from './sessions.ts';
