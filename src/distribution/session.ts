import type { Context } from '../base/context.ts';
import { Authorizer } from './authorization.ts';
import { discard, expectStatus, type HttpAnswer } from './bodies.ts';
import type { Credentials } from './contract.ts';
import { type Endpoint, type RegistrySettings, refuseAstray } from './endpoints.ts';
import { noCredentials, RegistryRefusal } from './failures.ts';
import { type Patience, retrying } from './retries.ts';
import { type HttpRequest, nameOfRequest, type Transport } from './transport.ts';
import { parseWarnings } from './warnings.ts';

/** What every session of a client has. */
export interface Access {
  readonly transport: Transport;
  readonly settings: () => RegistrySettings;
  readonly patience: Patience;
}

export interface SessionOptions extends Access {
  readonly endpoint: Endpoint;
  /** Not shown to mirrors. */
  readonly credentials: Credentials | undefined;
  /** What is to be done, as token servers name it: "repository:library/busybox:pull". */
  readonly scopes: readonly string[];
  /** Asks the token server for a token that can be kept instead of the password. */
  readonly wantsIdentity?: boolean;
  /** Hears once what the registry warns of. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

const MAX_WARNINGS = 16;

/** One endpoint, asked with one user's credentials for what the scopes allow. */
export class Session {
  readonly #options: SessionOptions;
  readonly #authorizer: Authorizer;
  readonly #warned = new Set<string>();

  constructor(options: SessionOptions) {
    const { endpoint, credentials } = options;
    this.#options = options;
    this.#authorizer = new Authorizer({
      ...options,
      credentials: endpoint.isMirror ? undefined : credentials,
    });
  }

  /** A refresh token that the token server gave, or empty. */
  get identityToken(): string {
    return this.#authorizer.identityToken;
  }

  get patience(): Patience {
    return this.#options.patience;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  /** "/v2/…" at the endpoint. */
  url(target: string): URL {
    return new URL(target, this.#options.endpoint.url);
  }

  /** The same endpoint and user with another scope besides. */
  widened(scope: string): Session {
    return new Session({ ...this.#options, scopes: [...this.#options.scopes, scope] });
  }

  /** Shows the credentials, before anything is done with them. Fails where the registry does not accept them. */
  async introduce(context: Context): Promise<void> {
    await retrying(context, this.patience, async () => {
      const answer = await this.exchange(context, { url: this.url('/v2/') });
      // A registry without this page will say with the next request what it thinks.
      await discard(await expectStatus(answer, 200, 403, 404));
    });
  }

  /** Asks, and where the registry wants to know who asks, once more with the answer. Other hosts than the endpoint learn nothing. */
  async exchange(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    const { endpoint, settings } = this.#options;
    if (request.url.origin !== endpoint.url.origin) {
      refuseAstray(endpoint.url, request.url, settings());
      return this.#send(context, request);
    }
    const authorization = await this.#authorizer.header(context);
    const answer = await this.#send(context, { ...request, authorization });
    if (answer.status !== 401) return answer;
    const challenge = answer.headers.get('www-authenticate') ?? '';
    const lacksPassword = this.#authorizer.lacksPassword(challenge);
    const getting = this.#authorizer.answer(context, request.url, challenge, authorization);
    const better = await getting.catch(async (error) => {
      await discard(answer);
      throw error instanceof RegistryRefusal ? error.about(nameOfRequest(request)) : error;
    });
    if (better === undefined && !lacksPassword) return answer;
    await discard(answer);
    if (better === undefined) throw noCredentials(nameOfRequest(request));
    return this.#send(context, { ...request, authorization: better });
  }

  async #send(context: Context, request: HttpRequest): Promise<HttpAnswer> {
    const { transport, endpoint } = this.#options;
    const answer = await transport.exchange(context, { ...request, registry: endpoint.url.host });
    for (const text of parseWarnings(answer.headers.get('warning'))) this.#warn(context, text);
    return answer;
  }

  #warn(context: Context, text: string): void {
    if (this.#warned.has(text) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(text);
    context.log.warn('a registry warns', { registry: this.endpoint.url.host, text });
    this.#options.onWarning?.(text);
  }
}
