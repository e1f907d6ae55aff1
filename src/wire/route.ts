import type { Parameter, ParameterType } from './query.ts';
import type { Schema } from './schema.ts';
import type { ApiVersion } from './versions.ts';

/** One operation of the API, as data: the server routes by it, the client calls by it, the reference prints it. */
export interface Route<Query extends QueryParameters = QueryParameters, Body = unknown, Response = unknown> {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /**
   * With parameters: `{digest}` stands for a whole digest, and at most one `{name}` or `{id}` for anything, slashes too:
   * "/images/{name}/json".
   */
  readonly path: string;
  /** One line for the reference. */
  readonly summary: string;
  readonly query: Query;
  /** A JSON body; one that is left out is Go's zero value, unless it is required. */
  readonly body?: Schema<Body>;
  readonly bodyRequired?: boolean;
  /** The body is not JSON but bytes, e.g. a tar. */
  readonly upload?: boolean;
  /** The status of each kind of success. */
  readonly statuses: readonly number[];
  /** The JSON answer, or one message of a stream of JSON. */
  readonly response?: Schema<Response>;
  readonly stream: StreamKind;
  /** API versions that document it. */
  readonly since: ApiVersion | '1.0';
  /** Other engines do not have it. */
  readonly own?: boolean;
}

/**
 * `none`: one answer. `json`: JSON values one after the other, as they come. `bytes`: raw or multiplexed bytes. `hijack`: the connection
 * becomes a stream in both directions. `websocket`: the same over a websocket. `delayed`: headers at once, one answer later.
 */
export type StreamKind = 'none' | 'json' | 'bytes' | 'hijack' | 'websocket' | 'delayed';

export type QueryParameters = Readonly<Record<string, Parameter>>;

export type QueryOf<R> = R extends { readonly query: infer Q }
  ? { readonly [K in keyof Q]: ParameterType<Q[K]> }
  : never;

export type BodyOf<R> = R extends { readonly body: Schema<infer T> } ? T : undefined;

export type ResponseOf<R> = R extends { readonly response: Schema<infer T> } ? T : undefined;

/** What a path's parameters stand for, in groups; undefined for a path without. */
export function parameterPattern(path: string): RegExp | undefined {
  if (!path.includes('{')) return undefined;
  const source = path
    .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
    .replace(/\{(\w+)\}/g, (_, name) =>
      name === 'digest' ? '(?<digest>sha256:[0-9a-f]{64})' : '(?<name>.+)',
    );
  return new RegExp(`^${source}$`, 's');
}
