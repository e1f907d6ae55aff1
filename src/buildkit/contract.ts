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
  /** One build with a session, for clients that know no other door than `POST /build`. Fails as the build does. */
  build(
    context: Context,
    request: SessionBuild,
    onStatus: (status: Uint8Array) => void,
  ): Promise<SessionBuildResult>;
}

export interface SessionBuild {
  /** By which it can be cancelled. */
  readonly id: string;
  readonly session: string;
  /** Of the front end `dockerfile.v0`: "build-arg:A". */
  readonly attributes: Readonly<Record<string, string>>;
  /** Caches elsewhere that steps may come from: the type "registry" with the attribute "ref". */
  readonly cacheImports?: readonly {
    readonly type: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
  /** Where the result goes: "moby" with the attribute "name" for an image here. */
  readonly exports: readonly {
    readonly type: string;
    readonly attributes: Readonly<Record<string, string>>;
  }[];
}

export interface SessionBuildResult {
  /** Empty when no image was wanted. */
  readonly imageId: string;
}
