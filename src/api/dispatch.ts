import { background, type Context } from '../base/context.ts';
import { messageOf, notFound, SampanError } from '../base/errors.ts';
import type { LogFields, Logger } from '../base/log.ts';
import type { Engine } from '../engine/contract.ts';
import type { Digest } from '../oci/digest.ts';
import type { Route } from '../wire/route.ts';
import { type RouteName, routes, swarmAreas } from '../wire/routes.ts';
import type { ApiSettings, Call } from './call.ts';
import { handlers } from './handlers.ts';
import { ConnectionClosed } from './http/connection.ts';
import { HttpError } from './http/head.ts';
import type { Response } from './http/response.ts';
import type { Request } from './http/session.ts';
import { readJson } from './json-body.ts';
import { firstPart, type Match, Router } from './router.ts';
import { failureOf } from './status.ts';
import { parseQuery, parseTarget, type Target } from './target.ts';

const table: Readonly<Record<RouteName, Route>> = routes;

/** Answers requests: finds the route, checks the request's form, has its handler do it, and tells failures. */
export class Dispatcher {
  readonly #engine: Engine;
  readonly #log: Logger;
  readonly #settings: ApiSettings;
  readonly #unhurried: Context;
  readonly #router = new Router<RouteName>(table);

  constructor(engine: Engine, log: Logger, settings: ApiSettings) {
    this.#engine = engine;
    this.#log = log;
    this.#settings = settings;
    this.#unhurried = background(log);
  }

  async handle(request: Request, response: Response): Promise<void> {
    try {
      await this.#answer(request, response);
    } catch (error) {
      await this.#fail(error, request, response);
    }
  }

  refuse(error: HttpError, response: Response): void {
    const { status, body } = failureOf(error);
    void response.json(status, body)?.catch(() => {});
  }

  async #answer(request: Request, response: Response): Promise<void> {
    if (request.method === 'OPTIONS') {
      await response.send(200);
      return;
    }
    const target = parseTarget(request.target);
    const match = this.#router.find(request.method, target.path);
    if (match === undefined) throw unknownRoute(target.path);
    const route = table[match.name];
    const call = await this.#callOf(route, target, match, request, response);
    // The table and the handlers have the same keys; that each pair fits is checked where the handlers are declared.
    const handler = handlers[match.name] as (call: Call) => unknown;
    const answer = await handler(call);
    if (response.started) return;
    if (answer === undefined) await response.send(route.statuses[0] ?? 200);
    else await response.json(route.statuses[0] ?? 200, answer);
  }

  async #callOf(
    route: Route,
    target: Target,
    { parameter, digest }: Match<RouteName>,
    request: Request,
    response: Response,
  ): Promise<Call> {
    const query = parseQuery(target.query, route.query);
    const body = route.body === undefined ? undefined : await this.#bodyOf(route, request);
    return {
      engine: this.#engine,
      context: this.#contextOf(route, request),
      version: target.version,
      name: parameter,
      digest: digest as Digest,
      query: query as Call['query'],
      body: body as Call['body'],
      request,
      response,
      settings: this.#settings,
    };
  }

  async #bodyOf({ body, bodyRequired }: Route, request: Request): Promise<unknown> {
    if (body === undefined) return undefined;
    const given = await readJson(request, body);
    if (given !== undefined) return given;
    if (bodyRequired === true) throw new HttpError(400, 'invalid JSON: got EOF while reading request body');
    return body.zero();
  }

  #contextOf(route: Route, request: Request): Context {
    switch (route.stream) {
      case 'json':
      case 'bytes':
      case 'delayed':
        return { signal: request.signal, log: this.#log };
      default:
        return this.#unhurried;
    }
  }

  async #fail(error: unknown, request: Request, response: Response): Promise<void> {
    // What has begun cannot be taken back: the broken end tells the client.
    if (error instanceof ConnectionClosed || response.started) {
      if (!request.signal.aborted) this.#log.warn(messageOf(error), fieldsOf(request));
      throw error;
    }
    const { status, body } = failureOf(error);
    if (status === 500) this.#log.error(body.message, fieldsOf(request));
    if (error instanceof HttpError) response.keepAlive = false;
    await (status === 304 ? response.send(304) : response.json(status, body));
  }
}

function fieldsOf({ method, target }: Request): LogFields {
  return { method, target };
}

function unknownRoute(path: string): SampanError {
  const area = firstPart(path);
  if (swarmAreas.has(area)) {
    return new SampanError(
      'unavailable',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  return notFound('page not found');
}
