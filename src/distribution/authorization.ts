import type { Context } from '../base/context.ts';
import { internal } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials } from './contract.ts';
import { isInsecure, type RegistrySettings } from './endpoints.ts';
import { RegistryRefusal } from './failures.ts';
import { parseJson } from './json.ts';
import { expectStatus, type HttpRequest, readAtMost, type Transport } from './transport.ts';

const MAX_TOKEN_BYTES = 1 << 20;
const CLIENT_ID = 'sampan';

export interface AuthorizerOptions {
  readonly transport: Transport;
  readonly settings: () => RegistrySettings;
  readonly credentials: Credentials | undefined;
  readonly scopes: readonly string[];
  readonly wantsIdentity?: boolean;
}

/**
 * Gets what a registry wants to see, for one repository: a bearer token (RFC 6750, by the distribution project's token protocol) or a name
 * and password (RFC 7617). The answer is kept, and shared by all requests until the registry refuses it.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #current: Promise<string> | undefined;
  #identityToken = '';

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** A refresh token that a token server gave with the last token, or empty. */
  get identityToken(): string {
    return this.#identityToken;
  }

  /** The `Authorization` header to send, if any is known or being got. */
  get current(): Promise<string> | undefined {
    return this.#current;
  }

  /**
   * Answers the challenges of a 401 from `registry` to a request sent with `refused`. Undefined when nothing better than that can be shown.
   */
  async answer(
    context: Context,
    registry: URL,
    header: string,
    refused: string | undefined,
  ): Promise<string | undefined> {
    const current = await this.#current?.catch(() => undefined);
    if (current !== undefined && current !== refused) return current;
    const challenges = parseChallenges(header);
    const getting = this.#get(context, registry, challenges);
    if (getting === undefined) return undefined;
    this.#current = getting;
    // Only what was got is kept: the next request may fare better.
    getting.catch(() => {
      if (this.#current === getting) this.#current = undefined;
    });
    const got = await getting;
    return got === refused ? undefined : got;
  }

  #get(context: Context, registry: URL, challenges: readonly Challenge[]): Promise<string> | undefined {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return this.#bearer(context, registry, bearer.parameters);
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic');
    const { username = '', password = '' } = this.#options.credentials ?? {};
    return isBasic && username !== '' ? Promise.resolve(basic(username, password)) : undefined;
  }

  async #bearer(context: Context, registry: URL, parameters: ReadonlyMap<string, string>): Promise<string> {
    const registryToken = this.#options.credentials?.registryToken ?? '';
    if (registryToken !== '') return `Bearer ${registryToken}`;
    const realm = this.#realm(registry, parameters.get('realm') ?? '');
    const request = this.#tokenRequest(realm, parameters.get('service') ?? '');
    const answer = await expectStatus(await this.#options.transport.exchange(context, request), 200);
    const body = await readAtMost(answer.body, MAX_TOKEN_BYTES);
    const { token, refreshToken } = tokensOf(body, realm);
    this.#identityToken = refreshToken;
    return `Bearer ${token}`;
  }

  /** A registry reached by TLS cannot make the client show a password in the clear. */
  #realm(registry: URL, text: string): URL {
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    const isTrusted =
      realm?.protocol === 'https:' ||
      (realm?.protocol === 'http:' &&
        (registry.protocol === 'http:' || isInsecure(realm.host, this.#options.settings())));
    if (realm === undefined || !isTrusted) {
      throw internal(
        `${registry.host} names ${JSON.stringify(text.slice(0, 200))} as its token server: not an https URL`,
      );
    }
    return realm;
  }

  #tokenRequest(realm: URL, service: string): HttpRequest {
    const { username = '', password = '', identityToken = '' } = this.#options.credentials ?? {};
    if (identityToken !== '') {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: identityToken,
        service,
        scope: this.#options.scopes.join(' '),
        client_id: CLIENT_ID,
      });
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      return { method: 'POST', url: realm, headers, body: form.toString() };
    }
    const url = new URL(realm);
    if (service !== '') url.searchParams.set('service', service);
    for (const scope of this.#options.scopes) url.searchParams.append('scope', scope);
    if (this.#options.wantsIdentity) url.searchParams.set('offline_token', 'true');
    if (username === '') return { url };
    url.searchParams.set('account', username);
    return { url, authorization: basic(username, password) };
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

interface Tokens {
  readonly token: string;
  /** Or empty. */
  readonly refreshToken: string;
}

function tokensOf(body: Uint8Array | undefined, realm: URL): Tokens {
  const value = body === undefined ? undefined : parseJson(body);
  const answer = isJsonObject(value) ? value : {};
  const token = answer['token'] || answer['access_token'];
  const refreshToken = answer['refresh_token'] ?? '';
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token) || typeof refreshToken !== 'string') {
    throw new RegistryRefusal(401, 'UNAUTHORIZED', `the token server ${realm.host} did not give a token`);
  }
  return { token, refreshToken };
}
