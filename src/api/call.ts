import type { Context } from '../base/context.ts';
import type { Engine } from '../engine/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { BodyOf, QueryOf, ResponseOf } from '../wire/route.ts';
import type { RouteName, Routes } from '../wire/routes.ts';
import type { ApiVersion } from '../wire/versions.ts';
import type { Response } from './http/response.ts';
import type { Request } from './http/session.ts';

/** One request of a route, understood and checked. */
export interface Call<Name extends RouteName = RouteName> {
  readonly engine: Engine;
  /**
   * Of routes that stream, given up when the client leaves. A change that has begun is carried through whoever leaves,
   * so that no container is left half started.
   */
  readonly context: Context;
  readonly version: ApiVersion;
  /** What the path names: a container, an image … */
  readonly name: string;
  /** The whole digest in the path; empty for a path without. */
  readonly digest: Digest;
  readonly query: QueryOf<Routes[Name]>;
  readonly body: BodyOf<Routes[Name]>;
  readonly request: Request;
  readonly response: Response;
  readonly settings: ApiSettings;
}

export interface ApiSettings {
  /** Between two samples of a container's use. */
  readonly statsInterval: number;
}

/** Returns the answer, which is sent with the route's first status; or undefined for an empty one, or when it has answered itself. */
type Handler<Name extends RouteName> = (call: Call<Name>) => Answer<Name> | Promise<Answer<Name>>;

type Answer<Name extends RouteName> = Routes[Name]['stream'] extends 'none'
  ? ResponseOf<Routes[Name]>
  : // biome-ignore lint/suspicious/noConfusingVoidType: a streaming handler answers on its own and returns nothing
    void;

export type Handlers = { readonly [Name in RouteName]: Handler<Name> };

/** The handlers of some routes: an area's file makes one. */
export type HandlersOf<Names extends RouteName> = Pick<Handlers, Names>;
