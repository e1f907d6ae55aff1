import { background, type Context } from '../base/context.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials } from './contract.ts';
import type { RegistrySettings } from './endpoints.ts';
import { basic, requestToken } from './token-server.ts';
import type { Transport } from './transport.ts';

/** Milliseconds before its end that a token is exchanged for a new one. */
const MARGIN = 10_000;

export interface AuthorizerOptions {
  readonly transport: Transport;
  readonly settings: () => RegistrySettings;
  readonly credentials: Credentials | undefined;
  readonly scopes: readonly string[];
  readonly wantsIdentity?: boolean;
}

interface Shown {
  /** The `Authorization` header. */
  readonly header: string;
  /** When to get another one, by the monotonic clock in milliseconds. */
  readonly until: number;
}

/**
 * Gets what a registry wants to see, for some scopes: a bearer token (RFC 6750, by the distribution project's token protocol) or a name
 * and password (RFC 7617). The answer is kept and shared by all requests, until its time is over or the registry refuses it.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #current: Promise<Shown> | undefined;
  /** The last challenge, to be answered anew when a token's time is over. */
  #challenge: { readonly registry: URL; readonly challenges: readonly Challenge[] } | undefined;
  #refreshToken: string;
  #identityToken = '';

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#refreshToken = options.credentials?.identityToken ?? '';
  }

  /** A refresh token that a token server gave, or empty. */
  get identityToken(): string {
    return this.#identityToken;
  }

  /** Whether nothing but a name and password would do, and there are none. */
  lacksPassword(header: string): boolean {
    const schemes = parseChallenges(header).map(({ scheme }) => scheme);
    return schemes.includes('basic') && !schemes.includes('bearer') && !this.#options.credentials?.username;
  }

  /** The `Authorization` header to send, if any is known or being got. */
  async header(context: Context): Promise<string | undefined> {
    const current = this.#current;
    if (current === undefined) return undefined;
    const { header, until } = await unlessAborted(context, current);
    if (performance.now() < until || this.#challenge === undefined) return header;
    if (this.#current === current) this.#current = undefined;
    const { registry, challenges } = this.#challenge;
    return (await this.#renew(context, registry, challenges)) ?? header;
  }

  /** Answers the challenges of a 401 from `registry` to a request sent with `refused`. Undefined when nothing better can be shown. */
  async answer(
    context: Context,
    registry: URL,
    header: string,
    refused: string | undefined,
  ): Promise<string | undefined> {
    const current = await this.#current?.catch(() => undefined);
    if (current !== undefined && current.header !== refused) return current.header;
    this.#current = undefined;
    const got = await this.#renew(context, registry, parseChallenges(header));
    return got === refused ? undefined : got;
  }

  async #renew(
    context: Context,
    registry: URL,
    challenges: readonly Challenge[],
  ): Promise<string | undefined> {
    if (this.#current === undefined) {
      // Others wait for it too: that this caller gives up is not their failure.
      const getting = this.#get(background(context.log), registry, challenges);
      if (getting === undefined) return undefined;
      this.#challenge = { registry, challenges };
      this.#current = getting;
      // Only what was got is kept: the next request may fare better.
      getting.catch(() => {
        if (this.#current === getting) this.#current = undefined;
      });
    }
    return (await unlessAborted(context, this.#current)).header;
  }

  #get(context: Context, registry: URL, challenges: readonly Challenge[]): Promise<Shown> | undefined {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#bearer(context, registry, bearer.parameters);
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic');
    const { username = '', password = '' } = this.#options.credentials ?? {};
    if (!isBasic || username === '') return undefined;
    return Promise.resolve({ header: basic(username, password), until: Number.POSITIVE_INFINITY });
  }

  async #bearer(context: Context, registry: URL, parameters: ReadonlyMap<string, string>): Promise<Shown> {
    const { transport, settings, credentials, scopes, wantsIdentity = false } = this.#options;
    const registryToken = credentials?.registryToken ?? '';
    if (registryToken !== '') return { header: `Bearer ${registryToken}`, until: Number.POSITIVE_INFINITY };
    const asked = performance.now();
    const { token, life, refreshToken } = await requestToken(context, transport, settings(), {
      ...{ registry, parameters, scopes, credentials, wantsIdentity },
      refreshToken: this.#refreshToken,
    });
    if (refreshToken !== '') {
      this.#identityToken = refreshToken;
      // Servers may replace the one that was used.
      if (this.#refreshToken !== '') this.#refreshToken = refreshToken;
    }
    return { header: `Bearer ${token}`, until: asked + life * 1_000 - MARGIN };
  }
}

/** Waits no longer than the caller wants to. */
async function unlessAborted<T>(context: Context, work: Promise<T>): Promise<T> {
  const { signal } = context;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
