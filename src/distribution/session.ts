import type { Context } from '../base/context.ts';
import { Authorizer } from './authorization.ts';
import type { Credentials } from './contract.ts';
import type { Endpoint, RegistrySettings } from './endpoints.ts';
import { type Patience, retrying } from './retries.ts';
import { discard, expectStatus, type HttpAnswer, type HttpRequest, type Transport } from './transport.ts';

export interface SessionOptions {
  readonly transport: Transport;
  readonly settings: () => RegistrySettings;
  readonly patience: Patience;
  readonly endpoint: Endpoint;
  /** Not shown to mirrors. */
  readonly credentials: Credentials | undefined;
  /** What is to be done, as token servers name it: "repository:library/busybox:pull". */
  readonly scopes: readonly string[];
  /** Asks the token server for a token that can be kept instead of the password. */
  readonly wantsIdentity?: boolean;
}

/** One endpoint, asked with one user's credentials for what the scopes allow. */
export class Session {
  readonly #options: SessionOptions;
  readonly #authorizer: Authorizer;

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
    const { transport, endpoint } = this.#options;
    if (request.url.origin !== endpoint.url.origin) return transport.exchange(context, request);
    const authorization = await this.#authorizer.current;
    const answer = await transport.exchange(context, { ...request, authorization });
    if (answer.status !== 401) return answer;
    const challenge = answer.headers.get('www-authenticate') ?? '';
    const better = await this.#authorizer.answer(context, request.url, challenge, authorization);
    if (better === undefined) return answer;
    await discard(answer);
    return transport.exchange(context, { ...request, authorization: better });
  }
}
